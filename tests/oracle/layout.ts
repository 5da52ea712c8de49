/**
 * Where everything lies in a generated program. Both worlds, the native process and the PV guest, use
 * the same virtual addresses, so that addresses that instructions push or load are the same too.
 */

/** First byte of the image; the guest's VIRT_BASE. */
export const BASE = 0x08000000;
/** The world's own driver: code and variables. */
export const DRIVER = BASE;
export const DRIVER_SIZE = 0xe000;
/** Number of cases; the image builder writes it. */
export const CASES_AT = 0x0800effc;
/** The guest's LDT: a page of its own, read-only there. */
export const LDT = 0x0800f000;
/** A page that user code may only read. */
export const READONLY = 0x08010000;
/** The scratch memory of a case: two halves on either side of a page's end. */
export const SCRATCH = 0x08011f00;
export const SCRATCH_SIZE = 512;
/** The last bytes before a page that is not mapped; part of the case's memory as well. */
export const EDGE = 0x08012fc0;
export const EDGE_SIZE = 64;
export const UNMAPPED = 0x08013000;
/** Where the driver keeps a case's stack pointer: in reach of a 16-bit stack too. */
export const SAVED_ESP = 0x08014000;
/** Stack of the driver, growing down from here, and of the guest's kernel. */
export const DRIVER_STACK = 0x08015000;
export const KERNEL_STACK = 0x08030000;
/** Stack of the signal handler: neither a stack pointer nor a bit offset of a case may reach it. */
export const SIGNAL_STACK = 0x1c000000;
export const SIGNAL_STACK_SIZE = 0x18000;
/** Code of the cases; the first slot holds the landing pads. */
export const CODE = 0x08030000;
export const MAX_CASES = 4096;
export const SLOT = 64;
/** Case records, which become result records. */
export const RECORDS = CODE + 0x50000;

/** Memory of a case as its record holds it: the scratch, then the edge. */
export const MEMORY_SIZE = SCRATCH_SIZE + EDGE_SIZE;

// Byte offsets in a record. General registers stand in PUSHAD's order.
export const REC_EFLAGS = 32;
/** In: the stack pointer. Out: how the case ended, EXIT_*. */
export const REC_ESP_OR_EXIT = 36;
/** In: address of its code. Out: error code. */
export const REC_CODE_OR_ERROR = 40;
/** In: DS and ES selectors. Out: CR2. */
export const REC_SEGMENTS_OR_CR2 = 44;
/** In: CS and SS selectors. Out: EIP of the fault. */
export const REC_EIP = 48;
/** Out: DS ES FS GS. */
export const REC_SELECTORS = 52;
/** In: single-step traps to go on from. Out: natively the signal's number, in a guest DR6 of a #DB. */
export const REC_STEPS_OR_SIGNAL = 60;
/** Out, natively: the signal's code and address. */
export const REC_SIGNAL_CODE = 64;
export const REC_SIGNAL_ADDRESS = 68;
export const REC_MEMORY = 80;
/** FPU and SSE state as FXSAVE and FXRSTOR have it. */
export const REC_FX = REC_MEMORY + MEMORY_SIZE;
export const FX_SIZE = 512;
export const RECORD_BYTES = REC_FX + FX_SIZE;

/** The code ran off its end, or jumped to a landing place; or a fault: EXIT_FAULT | vector. */
export const EXIT_END = 0;
export const EXIT_TAKEN = 1;
export const EXIT_FAULT = 0x100;

// Landing pads, at the start of the code area.
export const PAD_END = CODE;
export const PAD_TAKEN = CODE + 16;
/** The same for a 16-bit stack. */
export const PAD_END_16 = CODE + 32;
export const PAD_TAKEN_16 = CODE + 48;

// A slot: backward target, the instruction, forward target. The first slot starts late in its page,
// so that now and then a page ends within an instruction.
export const FIRST_SLOT = CODE + 64 + 44;
export const SLOT_BACKWARD = 0;
export const SLOT_CODE = 16;
export const SLOT_FORWARD = 56;

/** Address of a case's slot. */
export function slotAddress(n: number): number {
  return FIRST_SLOT + n * SLOT;
}

/** A descriptor of the LDT that both worlds have. */
export interface Segment {
  selector: number;
  base: number;
  /** In bytes, inclusive. */
  limit: number;
  code: boolean;
  writable: boolean;
  /** Expand-down data: the limit is the greatest offset that is not in it. */
  down?: boolean;
  /** D or B clear: 16-bit code, 16-bit stack pointer, 64 KiB expand-down. */
  small?: boolean;
}

const selector = (index: number) => (index << 3) | 7;
const TOP = 0xffffffff;

export const FLAT_CS: Segment = {
  selector: selector(0),
  base: 0,
  limit: TOP,
  code: true,
  writable: false,
};
export const FLAT: Segment = {
  selector: selector(1),
  base: 0,
  limit: TOP,
  code: false,
  writable: true,
};
/** Based so that 16-bit offsets reach the scratch. */
export const BASED: Segment = { ...FLAT, selector: selector(2), base: 0x0800a000 };
/** Covers the scratch and nothing else. */
export const LIMITED: Segment = {
  ...FLAT,
  selector: selector(3),
  base: SCRATCH,
  limit: SCRATCH_SIZE - 1,
};
export const READ_ONLY_DATA: Segment = { ...FLAT, selector: selector(4), writable: false };

/** Expand-down, the lower part of the scratch not in it. */
export const DOWN: Segment = { ...BASED, selector: selector(5), limit: 0x7f3f, down: true };
export const SMALL_DOWN: Segment = { ...DOWN, selector: selector(6), small: true };
/** A 16-bit stack whose offsets reach the scratch. */
export const STACK_16: Segment = {
  ...FLAT,
  selector: selector(7),
  base: 0x08010000,
  limit: 0xffff,
  small: true,
};
/** 16-bit code: windows on the code area. */
const WINDOW = 0x8000;
export const CODE_16: Segment[] = Array.from({ length: (RECORDS - CODE) / WINDOW }, (_, i) => ({
  ...FLAT_CS,
  selector: selector(8 + i),
  base: CODE + i * WINDOW,
  limit: 0xffff,
  small: true,
}));

/** The 16-bit code segment that reaches an address of the code area. */
export function code16(address: number): Segment {
  return CODE_16[Math.floor((address - CODE) / WINDOW)];
}

export const SEGMENTS = [
  FLAT_CS,
  FLAT,
  BASED,
  LIMITED,
  READ_ONLY_DATA,
  DOWN,
  SMALL_DOWN,
  STACK_16,
  ...CODE_16,
];
/** A selector beyond the LDT's end. */
export const BEYOND = selector(SEGMENTS.length);

/** The two words of a descriptor, present, DPL 3, accessed. */
export function descriptor(s: Segment): [number, number] {
  const pages = s.limit > 0xfffff;
  const limit = pages ? s.limit >>> 12 : s.limit;
  const type = 1 | (s.code ? 0x8 | 0x2 : s.writable ? 0x2 : 0) | (s.down ? 4 : 0);
  const low = ((s.base & 0xffff) << 16) | (limit & 0xffff);
  const high = (s.base & 0xff000000) | ((s.base >>> 16) & 0xff) | (pages ? 0x800000 : 0) |
    (s.small ? 0 : 0x400000) | (limit & 0xf0000) | 0xf000 | (type << 8);
  return [low >>> 0, high >>> 0];
}
