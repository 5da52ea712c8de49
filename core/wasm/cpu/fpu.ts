// x87 control, and the instructions that move state as a whole. The arithmetic is in x87/.
import { CPU, PREFIX_OP16, PREFIX_OP64, REC_PREFIX, REC_SEG } from "../layout";
import {
  guest_probe_write,
  guest_read_linear,
  guest_write_linear,
} from "../pagetables/guest_copy";
import { aligned, segment_address } from "../segments/address";
import { fpu_usable } from "../traps/fpu";
import { cpl, fault, GP, MF } from "./state";
import { LONG } from "./tables";
import { error_pending, FCS, FCW, FDP, FDS, FIP, FOP, FSW, FTW, ST, st, update_summary } from "./x87/state";

const MXCSR: usize = FCW + 24;
const MXCSR_MASK: usize = FCW + 28;

/** FNINIT's state. */
function initialise(): void {
  store<u16>(FCW, 0x37f);
  store<u16>(FSW, 0);
  store<u8>(FTW, 0);
  store<u16>(FOP, 0);
  store<u64>(FIP, 0);
  store<u64>(FDP, 0);
}

/**
 * Control operations (see jit/semantics/fpu.ts for the numbers). Returns 0 if it faulted.
 *
 * 0 FNINIT, 1 FNCLEX, 2 WAIT, 4 FNSTSW AX, 5 "is it usable" for the operation in `value`,
 * 8 FLDCW, 11 LDMXCSR
 */
export function cpu_fpu(operation: u32, value: u32, unused: u32): u32 {
  if (!fpu_usable()) return 0;
  const waits = operation == 2 || (operation == 5 && value == 8);
  if (waits && error_pending()) {
    fault(MF, 0);
    return 0;
  }
  switch (operation) {
    case 0:
      initialise();
      break;
    case 1:
      store<u16>(FSW, load<u16>(FSW) & 0x7f00);
      break;
    case 4:
      store<u16>(CPU, load<u16>(FSW));
      break;
    case 8:
      store<u16>(FCW, <u16> ((value & 0x1f7f) | 0x40));
      update_summary();
      break;
    case 11:
      if (value & 0xffff0000) {
        fault(GP, 0);
        return 0;
      }
      store<u32>(MXCSR, value);
      break;
    default:
      break;
  }
  return 1;
}

/** The word that FNSTCW (9), FNSTSW (10) or STMXCSR (12) stores. */
export function cpu_fpu_read(operation: u32): u32 {
  return operation == 9 ? load<u16>(FCW) : operation == 10 ? load<u16>(FSW) : load<u32>(MXCSR);
}

const BUFFER: usize = memory.data(512, 16);

/** Two-bit tag of physical register n: 0 valid, 1 zero, 2 special, 3 empty. */
function full_tag(n: u32): u32 {
  if (!(load<u8>(FTW) >> n & 1)) return 3;
  const p = ST + <usize> (n << 4);
  const mantissa = load<u64>(p);
  const exponent: u32 = load<u16>(p + 8) & 0x7fff;
  if (exponent == 0) return mantissa == 0 ? 1 : 2;
  if (exponent == 0x7fff || !(mantissa >> 63)) return 2;
  return 0;
}

/** The environment in FNSTENV's protected-mode layout, 14 or 28 bytes, into BUFFER. */
function store_environment(narrow: bool): u32 {
  let tags: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) tags |= full_tag(i) << (i * 2);
  if (narrow) {
    store<u16>(BUFFER, load<u16>(FCW));
    store<u16>(BUFFER + 2, load<u16>(FSW));
    store<u16>(BUFFER + 4, <u16> tags);
    store<u16>(BUFFER + 6, load<u16>(FIP));
    store<u16>(BUFFER + 8, load<u16>(FCS));
    store<u16>(BUFFER + 10, load<u16>(FDP));
    store<u16>(BUFFER + 12, load<u16>(FDS));
    return 14;
  }
  store<u32>(BUFFER, 0xffff0000 | load<u16>(FCW));
  store<u32>(BUFFER + 4, 0xffff0000 | load<u16>(FSW));
  store<u32>(BUFFER + 8, 0xffff0000 | tags);
  store<u32>(BUFFER + 12, load<u32>(FIP));
  store<u32>(BUFFER + 16, <u32> load<u16>(FCS) | (<u32> load<u16>(FOP) << 16));
  store<u32>(BUFFER + 20, load<u32>(FDP));
  store<u32>(BUFFER + 24, 0xffff0000 | load<u16>(FDS));
  return 28;
}

function load_environment(narrow: bool): u32 {
  const stride: usize = narrow ? 2 : 4;
  store<u16>(FCW, (load<u16>(BUFFER) & 0x1f7f) | 0x40);
  store<u16>(FSW, load<u16>(BUFFER + stride));
  const tags: u32 = load<u16>(BUFFER + stride * 2);
  let used: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) if ((tags >> (i * 2) & 3) != 3) used |= 1 << i;
  store<u8>(FTW, <u8> used);
  if (narrow) {
    store<u32>(FIP, load<u16>(BUFFER + 6));
    store<u16>(FCS, load<u16>(BUFFER + 8));
    store<u32>(FDP, load<u16>(BUFFER + 10));
    store<u16>(FDS, load<u16>(BUFFER + 12));
  } else {
    store<u32>(FIP, load<u32>(BUFFER + 12));
    store<u16>(FCS, load<u16>(BUFFER + 16));
    store<u16>(FOP, load<u16>(BUFFER + 18) & 0x7ff);
    store<u32>(FDP, load<u32>(BUFFER + 20));
    store<u16>(FDS, load<u16>(BUFFER + 24));
  }
  update_summary();
  return narrow ? 14 : 28;
}

/** The registers in stack order, `stride` bytes apart, as FNSAVE and FXSAVE write them. */
function registers_out(to: usize, stride: usize): void {
  for (let i: u32 = 0; i < 8; i++) {
    const p = to + <usize> i * stride;
    store<u64>(p, load<u64>(st(i)));
    store<u16>(p + 8, load<u16>(st(i) + 8));
  }
}

/** The same, read back; TOP was loaded before. */
function registers_in(from: usize, stride: usize): void {
  for (let i: u32 = 0; i < 8; i++) {
    const p = from + <usize> i * stride;
    store<u64>(st(i), load<u64>(p));
    store<u64>(st(i) + 8, load<u16>(p + 8)); // the reserved bytes read zero
  }
}

/** Takes over the first 416 bytes of an FXSAVE image: all that FXRSTOR loads. */
export function fx_load(from: usize): void {
  memory.copy(FCW, from, 416);
  store<u16>(FCW, (load<u16>(FCW) & 0x1f7f) | 0x40);
  registers_in(from + 32, 16);
  update_summary();
}

/**
 * FLDENV FNSTENV FRSTOR FNSAVE FXSAVE FXRSTOR (0 to 5) with the memory operand at `offset`. Returns 0
 * if it faulted.
 */
export function cpu_fpu_block(which: u32, rec: u32, size: u32, offset: u32): u32 {
  if (!fpu_block_ready(which)) return 0;
  const segment = load<u8>(rec + REC_SEG);
  const address = segment_address(segment, offset, fpu_block_bytes(which, rec), fpu_block_stores(which));
  return address == ~0 ? 0 : fpu_block(which, rec, address);
}

/** Whether such an operation may run; else the fault is pending. */
export function fpu_block_ready(which: u32): bool {
  if (!fpu_usable()) return false;
  return (which == 0 || which == 2) && error_pending() ? fault(MF, 0) : true;
}

export function fpu_block_stores(which: u32): bool {
  return which == 1 || which == 3 || which == 4;
}

/** Bytes of its memory operand. */
export function fpu_block_bytes(which: u32, rec: u32): u32 {
  const environment: u32 = load<u16>(rec + REC_PREFIX) & PREFIX_OP16 ? 14 : 28;
  return which < 2 ? environment : which < 4 ? environment + 80 : 512;
}

/** The operation itself, on a linear address. */
export function fpu_block(which: u32, rec: u32, address: u64): u32 {
  const prefix = load<u16>(rec + REC_PREFIX);
  const narrow = (prefix & PREFIX_OP16) != 0;
  const stores = fpu_block_stores(which);
  const environment: u32 = narrow ? 14 : 28;
  const bytes = fpu_block_bytes(which, rec);
  // an environment is a row of words, as wide as the operand size
  if (which < 4 && !aligned(address, narrow ? 2 : 4)) return 0;
  if (which >= 4 && (address & 15)) {
    fault(GP, 0);
    return 0;
  }
  const user = cpl() == 3;
  if (!stores && !guest_read_linear(BUFFER, address, bytes, user)) return 0;
  switch (which) {
    case 0:
      load_environment(narrow);
      return 1;
    case 1:
      store_environment(narrow);
      break;
    case 2:
      load_environment(narrow);
      registers_in(BUFFER + environment, 10);
      return 1;
    case 3:
      store_environment(narrow);
      registers_out(BUFFER + environment, 10);
      break;
    case 4:
      store<u32>(MXCSR_MASK, 0xffff);
      // the last 48 bytes are the program's own, and the XMM area is all there is
      if (!guest_probe_write(address, bytes, user)) return 0;
      if (!guest_read_linear(BUFFER, address, bytes, user)) return 0;
      memory.copy(BUFFER, FCW, 416);
      registers_out(BUFFER + 32, 16);
      if (LONG && prefix & PREFIX_OP64) { // addresses of 64 bits in the place of selectors
        store<u32>(BUFFER + 12, 0);
        store<u32>(BUFFER + 20, 0);
      }
      break;
    default:
      if (load<u32>(BUFFER + 24) & 0xffff0000) {
        fault(GP, 0);
        return 0;
      }
      fx_load(BUFFER);
      return 1;
  }
  if (!guest_write_linear(address, BUFFER, bytes, user)) return 0;
  if (which == 1) store<u16>(FCW, load<u16>(FCW) | 0x3f); // FNSTENV masks all exceptions
  if (which == 1) update_summary();
  if (which == 3) initialise();
  return 1;
}
