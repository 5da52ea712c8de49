/** The report on a guest that crashed. Loaded only when one did. */
import type { Core } from "../core.ts";
import { defaultName, type Domain } from "../domain.ts";
import { SHUTDOWN, type Shutdown } from "../shutdown.ts";
import { crashVcpu, VcpuView } from "../vcpu_view.ts";
import { disassemble } from "./disassemble.ts";
import { lastHypercalls } from "./history.ts";

const GPR_NAMES = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];
const GPR_ORDER = [0, 3, 1, 2, 6, 7, 5, 4];
const SEGMENT_NAMES = ["es", "cs", "ss", "ds", "fs", "gs"];
const SEGMENT_ORDER = [1, 2, 3, 0, 4, 5];
/** Attribute bits (layout.ts SEG_ATTR): D/B. */
const ATTRIBUTE_D = 0x400000;
const STACK_WORDS = 32;
const WORDS_PER_LINE = 8;
/** Symbols looked for on the stack, and shown. */
const TRACE_WORDS = 256;
const TRACE_LINES = 12;

/** What happened, registers, the instruction at fault, stack, and the last hypercalls: lines. */
export async function crashReport(
  core: Core,
  domain: Domain,
  shutdown: Shutdown,
): Promise<string[]> {
  const view = new VcpuView(core, domain.id, crashVcpu(core, domain.id));
  return [
    `paravane: domain ${who(domain)} ${whatHappened(shutdown)} (vCPU ${view.vcpu})`,
    ...registers(view),
    ...await instruction(view, domain),
    ...stack(view, domain),
    ...lastHypercalls(core, domain.id),
  ];
}

/** Its number, and its name if it was given one. */
function who({ id, name }: Domain): string {
  return name === defaultName(id) ? String(id) : `${id} (${name})`;
}

function whatHappened(shutdown: Shutdown): string {
  if (shutdown.crash) return `crashed: ${shutdown.crash}`;
  if (shutdown.code === SHUTDOWN.WATCHDOG) return "was ended by its watchdog";
  return "reported its own crash";
}

function registers(view: VcpuView): string[] {
  const gprs = GPR_ORDER.map((n) => `${GPR_NAMES[n]} ${hex8(view.gpr(n))}`);
  const segments = SEGMENT_ORDER.map((n) =>
    `${SEGMENT_NAMES[n]} ${view.segment(n).selector.toString(16).padStart(4, "0")}`
  );
  return [
    `  ${gprs.slice(0, 4).join("  ")}`,
    `  ${gprs.slice(4).join("  ")}`,
    `  eip ${hex8(view.eip)}  eflags ${hex8(view.eflags)}  cr2 ${hex8(view.cr2)}` +
    `  cr3 mfn ${view.cr3.toString(16)}  ring ${view.cpl}`,
    `  ${segments.join("  ")}`,
  ];
}

async function instruction(view: VcpuView, domain: Domain): Promise<string[]> {
  const cs = view.segment(1);
  const linear = (cs.base + view.eip) >>> 0;
  const bytes = view.read(linear, 15);
  const symbol = domain.symbols.describe(view.eip);
  const place = hex8(view.eip) + (symbol ? ` <${symbol}>` : "");
  if (bytes.length === 0) return [`  at ${place}: no code is mapped there`];
  const text = await disassemble(bytes, view.eip, cs.attributes & ATTRIBUTE_D ? 32 : 16);
  const dump = Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join(" ");
  return [`  at ${place}: ${text}`, `  code: ${dump}`];
}

function stack(view: VcpuView, domain: Domain): string[] {
  const ss = view.segment(2);
  const top = (ss.base + view.gpr(4)) >>> 0;
  const bytes = view.read(top, TRACE_WORDS * 4);
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = bytes.length >> 2;
  if (count === 0) return [`  stack at ${hex8(top)}: not mapped`];
  const lines = [];
  for (let i = 0; i < Math.min(count, STACK_WORDS); i += WORDS_PER_LINE) {
    const row = [];
    for (let j = i; j < Math.min(count, i + WORDS_PER_LINE); j++) {
      row.push(hex8(words.getUint32(j * 4, true)));
    }
    lines.push(`  stack ${hex8((top + i * 4) >>> 0)}: ${row.join(" ")}`);
  }
  const calls = new Set<string>();
  for (let i = 0; i < count && calls.size < TRACE_LINES; i++) {
    const address = words.getUint32(i * 4, true);
    const symbol = domain.symbols.describe(address);
    if (symbol?.includes("+")) calls.add(`  on the stack: ${hex8(address)} <${symbol}>`);
  }
  return [...lines, ...calls];
}

function hex8(n: number): string {
  return n.toString(16).padStart(8, "0");
}
