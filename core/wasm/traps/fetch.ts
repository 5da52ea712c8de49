// The bytes of a privileged instruction, read again from the guest's code: prefixes, opcode, operands.
import {
  ATTR_D,
  clear_fault,
  cpl,
  fault_pending,
  insn_eip,
  long_mode,
  page_fault,
  seg_attr,
  seg_base,
} from "../cpu/state";
import { CS, DS, ES, FS, GS, MACHINE, SS } from "../layout";
import { translate_exec } from "../pagetables/walk";

const MAX_LENGTH: u32 = 15;

let position: u32 = 0;
/** Prefixes of the instruction at work. */
export let op_lock: bool = false;
export let op_rep: bool = false;
export let op_16: bool = false;
export let address_16: bool = false;
/** Segment override, DS without one. */
export let op_segment: u32 = DS;

/** Host address of the byte at `position`, as long as it lies in the page translated last; else 0. */
let host: usize = 0;

/** The next byte; 0 with a #PF pending where the code cannot be read (any more). */
export function next_byte(): u32 {
  if (position >= MAX_LENGTH) return 0;
  const linear = (seg_base(CS) + insn_eip() + position) & 0xffffffff;
  if (!host || !(linear & 0xfff)) {
    const address = translate_exec(linear);
    if (address == ~0) {
      page_fault(linear, 0); // Xen reads it as data, and says no more of it than that
      return 0;
    }
    host = <usize> MACHINE + <usize> address;
  }
  position++;
  return load<u8>(host++);
}

/** Starts over at C_INSN_EIP. */
export function fetch_start(): void {
  position = 0;
  host = 0;
}

/** Copies the next byte to a host address; false where there is none to be had, with or without a #PF. */
export function code_byte(to: usize): bool {
  if (position >= MAX_LENGTH) return false;
  clear_fault();
  store<u8>(to, <u8> next_byte());
  return !fault_pending();
}

/** Notes a prefix byte; false for any other byte. */
function take_prefix(byte: u32, code16: bool): bool {
  switch (byte) {
    case 0x66:
      op_16 = !code16;
      break;
    case 0x67:
      address_16 = !code16;
      break;
    case 0xf0:
      op_lock = true;
      break;
    case 0xf2:
    case 0xf3:
      op_rep = true;
      break;
    case 0x26:
      op_segment = ES;
      break;
    case 0x2e:
      op_segment = CS;
      break;
    case 0x36:
      op_segment = SS;
      break;
    case 0x3e:
      op_segment = DS;
      break;
    case 0x64:
      op_segment = FS;
      break;
    case 0x65:
      op_segment = GS;
      break;
    default:
      return long_mode() && (byte & 0xf0) == 0x40; // REX
  }
  return true;
}

/**
 * Starts over at C_INSN_EIP and reads prefixes.
 *
 * @returns the opcode, 0x0F00 | second byte for the two-byte map
 */
export function fetch_opcode(): u32 {
  fetch_start();
  op_lock = false;
  op_rep = false;
  op_segment = DS;
  const code16 = (seg_attr(CS) & ATTR_D) == 0;
  op_16 = code16;
  address_16 = code16;
  let byte = next_byte();
  while (take_prefix(byte, code16)) byte = next_byte();
  return byte == 0x0f ? 0x0f00 | next_byte() : byte;
}

/** Whether the guest's kernel runs: what "ring 0" means to the emulated instructions. */
export function in_kernel(): bool {
  return cpl() == 1;
}
