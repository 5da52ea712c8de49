/**
 * Our world in 64-bit code: the address space of the 32-bit oracle's guest, its first vCPU put to work
 * through the test door of the long build (core/wasm/long/door.ts). No kernel runs: faults come here.
 */
import { loadModule } from "../../../core/build/load.ts";
import { createMachine } from "../../../core/host/create_machine.ts";
import type { Machine } from "../../../core/host/machine.ts";
import {
  C_EIP,
  C_FAULT,
  C_FAULT_ADDRESS,
  C_FAULT_ERROR,
  C_FX,
  C_INSN_EIP,
  CPU,
  FX_ST,
  NO_FAULT,
} from "../../../core/wasm/layout.ts";
import { guestImage } from "../image.ts";
import {
  CODE,
  EDGE,
  EDGE_SIZE,
  READONLY,
  RECORDS,
  SCRATCH,
  SCRATCH_SIZE,
  UNMAPPED,
} from "../layout.ts";
import { codeAddress, type LongCase, type LongOutcome } from "./case.ts";
import { caseCode } from "./image.ts";
import { FS_BASE, FX_BYTES, GS_BASE, USER_CS, USER_SS } from "./layout.ts";

const PAGE = 4096;
const GUEST_MEMORY = 16;
/** Instructions a case may take. */
const BUDGET = 100_000;
/** Vectors after which RIP is the next instruction's. */
const TRAPS = [3, 4];
const FSW = 2;

/** The long build's exports that only tests use. */
interface LongExports {
  long_enter(domid: number, cs: number, ss: number, fsBase: bigint, gsBase: bigint): void;
  long_host(address: bigint): number;
  long_begin(flags: number, budget: number): void;
  resume(): number;
  cpu_eflags(): number;
}

/** Pieces of an area that lie in one page each: offset in it, host address, length. */
type Pieces = [number, number, number][];

export class LongWorld {
  readonly #exports: LongExports;
  readonly #memory: Pieces;
  readonly #code: Pieces;
  readonly #around: Pieces;

  private constructor(private readonly machine: Machine, private readonly domid: number) {
    this.#exports = machine.core.exports as unknown as LongExports;
    this.#enter();
    this.#memory = [
      ...this.#pieces(SCRATCH, SCRATCH_SIZE),
      ...this.#pieces(EDGE, EDGE_SIZE).map(([at, host, n]): [number, number, number] => [
        at + SCRATCH_SIZE,
        host,
        n,
      ]),
    ];
    this.#code = this.#pieces(CODE, RECORDS - CODE);
    this.#around = [
      ...this.#pieces(READONLY + PAGE, UNMAPPED - READONLY - PAGE),
      ...this.#pieces(UNMAPPED + PAGE, CODE - UNMAPPED - PAGE),
    ];
  }

  static async create(): Promise<LongWorld> {
    const log: string[] = [];
    const machine = await createMachine({
      module: await loadModule("long"),
      time: "virtual",
      jit: false,
      log: (line) => void log.push(line),
    });
    // the guest makes its mappings and, having no cases, powers off
    const domain = await machine.addDomain(guestImage([]), { memory: GUEST_MEMORY });
    const { code, crash } = await domain.shutdown;
    if (code !== 0) throw new Error(`the guest ended with ${code} (${crash})\n${log.join("\n")}`);
    return new LongWorld(machine, domain.id);
  }

  /** The machine may have been at work since the last batch, and left no vCPU there. */
  #enter(): void {
    this.#exports.long_enter(this.domid, USER_CS, USER_SS, FS_BASE, GS_BASE);
  }

  #pieces(address: number, length: number): Pieces {
    const out: Pieces = [];
    for (let at = 0; at < length;) {
      const n = Math.min(length - at, PAGE - ((address + at) & (PAGE - 1)));
      const host = this.#exports.long_host(BigInt(address + at)) >>> 0;
      if (!host) throw new Error(`${(address + at).toString(16)} is not mapped`);
      out.push([at, host, n]);
      at += n;
    }
    return out;
  }

  run(cases: readonly LongCase[]): LongOutcome[] {
    this.#enter();
    const core = this.machine.core;
    const code = caseCode(cases);
    const bytes = core.bytes();
    for (const [at, host, n] of this.#code) bytes.set(code.subarray(at, at + n), host);
    // what lies around the cases' own memory is as fresh as in a new process
    for (const [, host, n] of this.#around) bytes.fill(0, host, host + n);
    return cases.map((c, n) => this.#one(c, n));
  }

  #one(c: LongCase, n: number): LongOutcome {
    const bytes = this.machine.core.bytes();
    const view = this.machine.core.view();
    for (let r = 0; r < 16; r++) view.setBigUint64(CPU + r * 8, c.registers[r], true);
    view.setBigUint64(CPU + C_EIP, BigInt(codeAddress(n)), true);
    for (const [at, host, n] of this.#memory) bytes.set(c.memory.subarray(at, at + n), host);
    bytes.set(rotated(c.fx, 1), CPU + C_FX);
    this.#exports.long_begin(c.eflags, BUDGET);
    this.#exports.resume();
    const registers = new BigUint64Array(16);
    for (let r = 0; r < 16; r++) registers[r] = view.getBigUint64(CPU + r * 8, true);
    const vector = view.getUint32(CPU + C_FAULT, true);
    const at = TRAPS.includes(vector) || vector === NO_FAULT ? C_EIP : C_INSN_EIP;
    const memory = new Uint8Array(c.memory.length);
    for (const [at, host, n] of this.#memory) memory.set(bytes.subarray(host, host + n), at);
    return {
      registers,
      rip: view.getBigUint64(CPU + at, true),
      eflags: this.#exports.cpu_eflags(),
      vector,
      error: view.getUint32(CPU + C_FAULT_ERROR, true),
      cr2: view.getBigUint64(CPU + C_FAULT_ADDRESS, true),
      memory,
      fx: rotated(bytes.subarray(CPU + C_FX, CPU + C_FX + FX_BYTES), -1),
    };
  }

  close(): void {
    this.machine.stop();
  }
}

/**
 * An FXSAVE image with the x87's registers in stack order brought to where the core has them, by their
 * physical numbers (turn 1), or back (-1).
 */
function rotated(image: Uint8Array, turn: 1 | -1): Uint8Array {
  const out = image.slice(0, FX_BYTES);
  const top = (image[FSW + 1] >> 3) & 7;
  for (let i = 0; i < 8; i++) {
    const from = FX_ST + i * 16;
    out.set(image.subarray(from, from + 16), FX_ST + ((i + turn * top) & 7) * 16);
  }
  return out;
}
