/** Reads the command line of `deno task boot`. Knows nothing of guests and opens no files. */
import type { TimeMode } from "../clock.ts";
import { JIT_MODES, type JitMode } from "../translation.ts";
import { CpuidError, hiddenFeatures } from "../cpuid.ts";
import { quote, UsageError } from "./usage.ts";
import { checkName, nameGuests } from "./names.ts";
import { OPTION_NAMES, type OptionName, type OptionValues } from "../options.ts";

/** What may be traced, with its bit in the core's trace mask (core/wasm/trace.ts); the core knows nothing of the last. */
export const TRACE_KINDS = { hypercall: 1, trap: 2, event: 4, mmu: 8, jit: 0x10000 } as const;

/** Memory that a domain can be given, in MiB. */
const MEMORY_MIN = 1;
const MEMORY_MAX = 4000;
/** vCPUs whose vcpu_info has its place in shared_info. */
const VCPUS_MAX = 32;
/** Domains that a machine has room for beside the host's. */
const GUESTS_MAX = 120;

/** What is said of one guest. */
export interface GuestArguments {
  /** A file, or the name of a built-in guest; null boots the built-in one. */
  image: string | null;
  /** The name it was given, or one made from the image's when there are several guests; or null. */
  name: string | null;
  /** In MiB. */
  memory: number;
  /** In MiB, what it may grow to; null: not beyond its memory. */
  maxMemory: number | null;
  commandLine: string;
  ramdisk: string | null;
  vcpus: number;
  options: OptionValues;
  /** CPU features to hide, each as in xl.cfg. */
  cpuid: string[];
  reboot: boolean;
}

/** What is said of the machine, and its guests in the order of the command line. */
export interface BootArguments {
  help: boolean;
  time: TimeMode;
  /** In seconds; Infinity for none. */
  timeout: number;
  /** Sum of TRACE_KINDS. */
  trace: number;
  /** Which code is translated. */
  jit: JitMode;
  /** Whether the guests are asked to power off at the end of our input. */
  poweroffAtEnd: boolean;
  guests: GuestArguments[];
}

type Handler<T> = (args: T, value: string, flag: string) => void;

/** Flags of one guest that want a value. */
const GUEST_VALUED: Record<string, Handler<GuestArguments>> = {
  "-m": (g, v, f) => g.memory = integer(v, f, MEMORY_MIN, MEMORY_MAX),
  "-c": (g, v) => g.commandLine = v,
  "-r": (g, v) => g.ramdisk = v,
  "--maxmem": (g, v, f) => g.maxMemory = integer(v, f, MEMORY_MIN, MEMORY_MAX),
  "--name": (g, v, f) => g.name = checkName(v, f),
  "--vcpus": (g, v, f) => g.vcpus = integer(v, f, 1, VCPUS_MAX),
  "--option": (g, v) => setOption(g.options, v),
  "--cpuid": (g, v) => g.cpuid.push(cpuidMask(v)),
};

const GUEST_PLAIN: Record<string, (guest: GuestArguments) => void> = {
  "--no-reboot": (g) => g.reboot = false,
};

/** Flags of the machine. They hold for all its guests, wherever they stand. */
const VALUED: Record<string, Handler<BootArguments>> = {
  "--time": (a, v, f) => a.time = oneOf(v, f, ["wall", "virtual"]),
  "--timeout": (a, v, f) => a.timeout = seconds(v, f),
  "--trace": (a, v, f) => a.trace |= traceMask(v, f),
  "--jit": (a, v, f) => a.jit = oneOf(v, f, JIT_MODES),
  "--stdin-eof": (a, v, f) => a.poweroffAtEnd = oneOf(v, f, ["poweroff", "ignore"]) === "poweroff",
};

const PLAIN: Record<string, (args: BootArguments) => void> = {
  "--help": (a) => a.help = true,
  "-h": (a) => a.help = true,
};

/** Stands between two guests. */
const AND = "--and";

const newGuest = (): GuestArguments => ({
  image: null,
  name: null,
  memory: 64,
  maxMemory: null,
  commandLine: "",
  ramdisk: null,
  vcpus: 1,
  options: {},
  cpuid: [],
  reboot: true,
});

/**
 * Reads the arguments.
 *
 * @throws UsageError
 */
export function parseArguments(argv: readonly string[]): BootArguments {
  const args: BootArguments = {
    help: false,
    time: "wall",
    timeout: Infinity,
    trace: 0,
    jit: "on",
    poweroffAtEnd: true,
    guests: [newGuest()],
  };
  const rest = [...argv];
  let flagsEnd = false;
  while (rest.length > 0) {
    const word = rest.shift()!;
    const guest = args.guests.at(-1)!;
    if (word === AND) {
      args.guests.push(newGuest());
      flagsEnd = false;
    } else if (flagsEnd || !word.startsWith("-") || word === "-") {
      if (guest.image !== null) {
        throw new UsageError(`what is ${quote(word)}? Guests are joined by ${AND}`);
      }
      guest.image = word;
    } else if (word === "--") {
      flagsEnd = true;
    } else {
      readFlag(args, guest, word, rest);
    }
  }
  if (args.guests.length > GUESTS_MAX) {
    throw new UsageError(`${args.guests.length} guests are too many; ${GUESTS_MAX} is the most`);
  }
  for (const guest of args.guests) checkMemory(guest);
  nameGuests(args.guests);
  return args;
}

function checkMemory({ memory, maxMemory }: GuestArguments): void {
  if (maxMemory !== null && maxMemory < memory) {
    throw new UsageError(`--maxmem ${maxMemory} is less than the guest's memory, ${memory} MiB`);
  }
}

/** A flag, as the command line has it: `-m 64`, `-m64`, `--time wall`, `--time=wall`. */
function readFlag(
  args: BootArguments,
  guest: GuestArguments,
  word: string,
  rest: string[],
): void {
  const equals = word.startsWith("--") ? word.indexOf("=") : -1;
  const flag = equals < 0 ? word : word.slice(0, equals);
  const plain = find(PLAIN, flag, args) ?? find(GUEST_PLAIN, flag, guest);
  if (plain) {
    if (equals >= 0) throw new UsageError(`${flag} takes no value`);
    plain("");
    return;
  }
  const valued = find(VALUED, flag, args) ?? find(GUEST_VALUED, flag, guest);
  if (valued) {
    const value = equals < 0 ? rest.shift() : word.slice(equals + 1);
    if (value === undefined) throw new UsageError(`${flag} wants a value`);
    valued(value);
    return;
  }
  const short = word.slice(0, 2);
  const joined = word.startsWith("--") ? null : find(GUEST_VALUED, short, guest);
  if (!joined) throw new UsageError(`unknown flag ${quote(word)}`);
  joined(word.slice(2));
}

/** The handler of a flag in a table, for what it changes; null when the table has no such flag. */
function find<T>(
  table: Record<string, Handler<T>>,
  flag: string,
  of: T,
): ((value: string) => void) | null {
  return Object.hasOwn(table, flag) ? (value) => table[flag](of, value, flag) : null;
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
