/** Reads the command line of `deno task boot`. Knows nothing of guests and opens no files. */
import type { TimeMode } from "../clock.ts";
import { CpuidError, hiddenFeatures } from "../cpuid.ts";
import { OPTION_NAMES, type OptionName, type OptionValues } from "../options.ts";

/** What may be traced, with its bit in the core's trace mask (core/wasm/trace.ts). */
export const TRACE_KINDS = { hypercall: 1, trap: 2, event: 4, mmu: 8 } as const;

/** Memory that a domain can be given, in MiB. */
const MEMORY_MIN = 1;
const MEMORY_MAX = 3072;
/** vCPUs whose vcpu_info has its place in shared_info. */
const VCPUS_MAX = 32;

export interface BootArguments {
  help: boolean;
  /** A file, or the name of a built-in guest; null boots the built-in one. */
  guest: string | null;
  /** In MiB. */
  memory: number;
  commandLine: string;
  ramdisk: string | null;
  time: TimeMode;
  vcpus: number;
  /** In seconds; Infinity for none. */
  timeout: number;
  /** Sum of TRACE_KINDS. */
  trace: number;
  options: OptionValues;
  /** CPU features to hide, each as in xl.cfg. */
  cpuid: string[];
  reboot: boolean;
  /** Whether hot code is translated. */
  jit: boolean;
  /** Whether the guest is asked to power off at the end of our input. */
  poweroffAtEnd: boolean;
}

/** What the user asked for makes no sense; the message says why in one line. */
export class UsageError extends Error {}

type Handler = (args: BootArguments, value: string, flag: string) => void;

/** Flags that want a value. */
const VALUED: Record<string, Handler> = {
  "-m": (a, v, f) => a.memory = integer(v, f, MEMORY_MIN, MEMORY_MAX),
  "-c": (a, v) => a.commandLine = v,
  "-r": (a, v) => a.ramdisk = v,
  "--time": (a, v, f) => a.time = oneOf(v, f, ["wall", "virtual"]),
  "--vcpus": (a, v, f) => a.vcpus = integer(v, f, 1, VCPUS_MAX),
  "--timeout": (a, v, f) => a.timeout = seconds(v, f),
  "--trace": (a, v, f) => a.trace |= traceMask(v, f),
  "--option": (a, v) => setOption(a.options, v),
  "--cpuid": (a, v) => a.cpuid.push(cpuidMask(v)),
  "--stdin-eof": (a, v, f) => a.poweroffAtEnd = oneOf(v, f, ["poweroff", "ignore"]) === "poweroff",
};

const PLAIN: Record<string, (args: BootArguments) => void> = {
  "--no-reboot": (a) => a.reboot = false,
  "--no-jit": (a) => a.jit = false,
  "--help": (a) => a.help = true,
  "-h": (a) => a.help = true,
};

/**
 * Reads the arguments.
 *
 * @throws UsageError
 */
export function parseArguments(argv: readonly string[]): BootArguments {
  const args: BootArguments = {
    help: false,
    guest: null,
    memory: 64,
    commandLine: "",
    ramdisk: null,
    time: "wall",
    vcpus: 1,
    timeout: Infinity,
    trace: 0,
    options: {},
    cpuid: [],
    reboot: true,
    jit: true,
    poweroffAtEnd: true,
  };
  const rest = [...argv];
  let flagsEnd = false;
  while (rest.length > 0) {
    const word = rest.shift()!;
    if (flagsEnd || !word.startsWith("-") || word === "-") {
      if (args.guest !== null) throw new UsageError(`one guest only: what is ${quote(word)}?`);
      args.guest = word;
    } else if (word === "--") {
      flagsEnd = true;
    } else {
      readFlag(args, word, rest);
    }
  }
  return args;
}

function readFlag(args: BootArguments, word: string, rest: string[]): void {
  const equals = word.startsWith("--") ? word.indexOf("=") : -1;
  const flag = equals < 0 ? word : word.slice(0, equals);
  if (Object.hasOwn(PLAIN, flag)) {
    if (equals >= 0) throw new UsageError(`${flag} takes no value`);
    PLAIN[flag](args);
    return;
  }
  if (Object.hasOwn(VALUED, flag)) {
    const value = equals < 0 ? rest.shift() : word.slice(equals + 1);
    if (value === undefined) throw new UsageError(`${flag} wants a value`);
    VALUED[flag](args, value, flag);
    return;
  }
  const short = word.slice(0, 2);
  if (word.length > 2 && !word.startsWith("--") && Object.hasOwn(VALUED, short)) {
    VALUED[short](args, word.slice(2), short);
    return;
  }
  throw new UsageError(`unknown flag ${quote(word)}`);
}

function integer(text: string, flag: string, least: number, most: number): number {
  const n = /^[0-9]{1,9}$/.test(text) ? Number(text) : NaN;
  if (!(n >= least && n <= most)) {
    throw new UsageError(
      `${flag} wants a whole number from ${least} to ${most}, not ${quote(text)}`,
    );
  }
  return n;
}

function seconds(text: string, flag: string): number {
  const n = /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : NaN;
  if (!(n > 0 && n <= 1e9)) {
    throw new UsageError(`${flag} wants a number of seconds above 0, not ${quote(text)}`);
  }
  return n;
}

function oneOf<T extends string>(text: string, flag: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) {
    throw new UsageError(`${flag} wants ${choices.join(" or ")}, not ${quote(text)}`);
  }
  return found;
}

function traceMask(list: string, flag: string): number {
  let mask = 0;
  for (const kind of list.split(",")) {
    if (!Object.hasOwn(TRACE_KINDS, kind)) {
      const kinds = Object.keys(TRACE_KINDS).join(", ");
      throw new UsageError(`${flag} wants a list of ${kinds}; there is no ${quote(kind)}`);
    }
    mask |= TRACE_KINDS[kind as keyof typeof TRACE_KINDS];
  }
  return mask;
}

function setOption(options: OptionValues, text: string): void {
  const equals = text.indexOf("=");
  const name = equals < 0 ? text : text.slice(0, equals);
  if (!OPTION_NAMES.includes(name as OptionName)) {
    throw new UsageError(`no option ${quote(name)}; there are ${OPTION_NAMES.join(", ")}`);
  }
  const value = equals < 0 ? "on" : text.slice(equals + 1);
  options[name as OptionName] = oneOf(value, `--option ${name}`, ["on", "off"]) === "on";
}

function cpuidMask(text: string): string {
  try {
    hiddenFeatures([text]);
  } catch (error) {
    throw error instanceof CpuidError ? new UsageError(error.message) : error;
  }
  return text;
}

/** Arguments in messages: short, and without what could play tricks on a terminal. */
function quote(text: string): string {
  const shown = text.length > 60 ? text.slice(0, 60) + "…" : text;
  return JSON.stringify(shown);
}
