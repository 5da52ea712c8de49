/** A case of 64-bit code, and what came of it. */
import { MEMORY_SIZE, SLOT_CODE, slotAddress } from "../layout.ts";
import {
  CASE_WORDS,
  FX_BYTES,
  REC_CR2,
  REC_EFLAGS,
  REC_ERROR,
  REC_FX,
  REC_MEMORY,
  REC_RIP,
  REC_VECTOR,
  SIGNAL_ORDER,
} from "./layout.ts";

export interface LongCase {
  form: string;
  code: number[];
  /** By their encoding, RAX to R15. */
  registers: BigUint64Array;
  eflags: number;
  memory: Uint8Array;
  fx: Uint8Array;
  /** EFLAGS bits that the manual leaves undefined. */
  undefinedFlags: number;
  ignore: LongIgnore;
}

/** What is not compared, because the manual leaves it undefined or processors differ. */
export interface LongIgnore {
  /** Bytes of memory: addresses and lengths. */
  memory: [number, number][];
  /** Bits of the registers. */
  registers: BigUint64Array;
  /** After a fault only the vector and RIP count. */
  partial: boolean;
}

export interface LongOutcome {
  registers: BigUint64Array;
  rip: bigint;
  eflags: number;
  vector: number;
  error: number;
  cr2: bigint;
  memory: Uint8Array;
  fx: Uint8Array;
}

/** Address of a case's code, by its place in the batch. */
export function codeAddress(n: number): number {
  return slotAddress(n) + SLOT_CODE;
}

/** Writes case number n of a batch as a record. */
export function writeLongCase(c: LongCase, n: number, view: DataView, at: number): void {
  SIGNAL_ORDER.forEach((r, i) => view.setBigUint64(at + i * 8, c.registers[r], true));
  view.setBigUint64(at + REC_RIP, BigInt(codeAddress(n)), true);
  view.setBigUint64(at + REC_EFLAGS, BigInt(c.eflags), true);
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at);
  bytes.set(c.memory, REC_MEMORY);
  bytes.set(c.fx.subarray(0, FX_BYTES), REC_FX);
}
if (REC_EFLAGS !== (CASE_WORDS - 1) * 8) throw new Error("records");

export function readLongOutcome(view: DataView, at: number): LongOutcome {
  const registers = new BigUint64Array(16);
  SIGNAL_ORDER.forEach((r, i) => registers[r] = view.getBigUint64(at + i * 8, true));
  const base = view.byteOffset + at;
  return {
    registers,
    rip: view.getBigUint64(at + REC_RIP, true),
    eflags: view.getUint32(at + REC_EFLAGS, true),
    vector: view.getUint32(at + REC_VECTOR, true),
    error: view.getUint32(at + REC_ERROR, true),
    cr2: view.getBigUint64(at + REC_CR2, true),
    memory: new Uint8Array(view.buffer, base + REC_MEMORY, MEMORY_SIZE),
    fx: new Uint8Array(view.buffer, base + REC_FX, FX_BYTES),
  };
}
