// Instructions too long to be generated: stack frames, decimal adjustment, 64-bit division, the
// segment-loading forms of POP and LDS.
import { C_EFLAGS, C_MODE, CPU, MODE_FLAT, MODE_STACK32, R_SP, REC_IMM, SPLIT, SS } from "../layout";
import { load_segment } from "../segments/load";
import { insn_mov_sreg } from "../segments/slow";
import { segment_address } from "../segments/address";
import { stack_move, stack_peek } from "../segments/stack";
import { cpu_commit } from "../pagetables/commit";
import { guest_read_linear } from "../pagetables/guest_copy";
import { READ, tlb_fill, tlb_hit, WRITE } from "../pagetables/walk";
import { AF, CF, flags_arithmetic, flags_set_arithmetic, OF, PF, set_eflags, SF, ZF } from "./flags";
import {
  AX,
  BP,
  cpl,
  DE,
  DX,
  fault,
  fault_pending,
  gpr,
  gpr64,
  long_mode,
  set_gpr,
  set_gpr64,
  SP,
  update_mode,
} from "./state";

const BUFFER: usize = memory.data(64, 8);

function stack32(): bool {
  return (load<u32>(CPU + C_MODE) & MODE_STACK32) != 0;
}

function set_sp(v: u32): void {
  if (stack32()) set_gpr(SP, v);
  else store<u16>(CPU + R_SP, <u16> v);
}

function stack_linear(offset: u32, size: u32, write: bool): u64 {
  return segment_address(SS, stack32() ? offset : offset & 0xffff, size, write);
}

/** Stores `size` bytes of BUFFER on the stack, as a push does; false if it faulted. */
function push_at(offset: u32, size: u32): bool {
  const a = stack_linear(offset, size, true);
  if (a == ~0) return false;
  const host = tlb_fill(a, size, WRITE);
  if (!host) return false;
  memory.copy(host, BUFFER, size);
  return host != CPU + SPLIT || cpu_commit();
}

/** Host address of eight words on a flat stack, if they lie in one page that the TLB has; else 0. */
// @ts-ignore: decorator
@inline function eight_words(sp: u32, size: u32, access: u32): usize {
  if (size != 4 || !(load<u32>(CPU + C_MODE) & MODE_FLAT) || (sp & 0xfff) > 4096 - 32) return 0;
  return tlb_hit(sp, access);
}

/** PUSHA: EAX first, each a push of its own; the stack pointer moves at the end. Returns 0 if it faulted. */
export function cpu_pusha(size: u32): u32 {
  let sp = gpr(SP);
  const host = eight_words(sp - 32, size, WRITE);
  if (host) {
    for (let i: u32 = 0; i < 8; i++) store<u32>(host + ((7 - i) << 2), gpr(i));
    set_gpr(SP, sp - 32);
    return 1;
  }
  for (let i: u32 = 0; i < 8; i++) {
    sp -= size;
    store<u32>(BUFFER, gpr(i));
    if (!push_at(sp, size)) return 0;
  }
  set_sp(sp);
  return 1;
}

/** POPA: the stack pointer's slot is skipped. Returns 0 if it faulted. */
export function cpu_popa(size: u32): u32 {
  const host = eight_words(gpr(SP), size, READ);
  if (host) {
    const sp = gpr(SP);
    for (let i: u32 = 0; i < 8; i++) set_gpr(7 - i, load<u32>(host + (i << 2)));
    set_gpr(SP, sp + 32);
    return 1;
  }
  if (!stack_peek(BUFFER, 0, 8, size)) return 0;
  for (let i: u32 = 0; i < 8; i++) {
    const n = 7 - i;
    if (n == SP) continue;
    if (size == 4) set_gpr(n, load<u32>(BUFFER + (i << 2)));
    else store<u16>(CPU + (n << 3), load<u16>(BUFFER + (i << 1)));
  }
  stack_move(size * 8);
  return 1;
}

/** A stack pointer moved down: SP alone where SS.B is clear. */
function below(sp: u32, bytes: u32): u32 {
  return stack32() ? sp - bytes : (sp & 0xffff0000) | ((sp - bytes) & 0xffff);
}

/** ENTER size, level. Returns 0 if it faulted. */
export function cpu_enter(rec: u32, size: u32): u32 {
  const bytes = load<u32>(rec + REC_IMM) & 0xffff;
  const level = load<u32>(rec + REC_IMM + 4) & 31;
  const user = cpl() == 3;
  let sp = below(gpr(SP), size);
  let bp = gpr(BP);
  store<u32>(BUFFER, bp);
  if (!push_at(sp, size)) return 0;
  const frame = sp;
  for (let i: u32 = 1; i < level; i++) {
    bp -= size;
    sp = below(sp, size);
    const a = stack_linear(bp, size, false);
    if (a == ~0 || !guest_read_linear(BUFFER, a, size, user)) return 0;
    if (!push_at(sp, size)) return 0;
  }
  if (level) {
    sp = below(sp, size);
    store<u32>(BUFFER, frame);
    if (!push_at(sp, size)) return 0;
  }
  sp = below(sp, bytes);
  // the manual probes the new top of stack for writing
  const a = stack_linear(sp, size, true);
  if (a == ~0 || !tlb_fill(a, size, WRITE)) return 0;
  if (size == 4) set_gpr(BP, frame);
  else store<u16>(CPU + (BP << 3), <u16> frame);
  set_sp(sp);
  return 1;
}

/** POPF at CPL > IOPL: IF and IOPL stay as they are; a 16-bit one keeps the upper half. */
export function cpu_popf(image: u32, size: u32): void {
  const old = load<u32>(CPU + C_EFLAGS);
  set_eflags(size == 2 ? (old & 0xffff0000) | (image & 0xffff) : image & ~0x10000);
  update_mode();
}

/** POP Sreg: the stack pointer moves only if the segment loads. */
export function cpu_pop_sreg(segment: u32, selector: u32, size: u32): void {
  const before = stack32();
  insn_mov_sreg(segment, selector);
  if (fault_pending()) return;
  // the width in force when the instruction began counts
  if (long_mode()) set_gpr64(SP, gpr64(SP) + size);
  else if (before) set_gpr(SP, gpr(SP) + size);
  else store<u16>(CPU + R_SP, <u16> (gpr(SP) + size));
}

/**
 * LDS and its like: the general register at `to` is written only if the segment loads. LSS, which has no
 * need to, holds back no trap (manual volume 3, 6.8.3).
 */
export function cpu_load_far(segment: u32, selector: u32, offset: u32, to: u32, size: u32): void {
  load_segment(segment, selector);
  if (fault_pending()) return;
  if (size == 2) store<u16>(CPU + to, <u16> offset);
  else store<u64>(CPU + to, offset);
}

/** OF of a + b or a - b, whose top bit is given. */
function overflow(a: u32, b: u32, result: u32, minus: bool, top: u32): u32 {
  return (a ^ result) & (minus ? a ^ b : b ^ result) & top ? OF : 0;
}

/**
 * DAA DAS AAA AAS AAM AAD (operations 0 to 5), with the flags that the manual leaves undefined as in
 * jit/isa/undefined.ts. Returns 0 if it faulted.
 */
export function cpu_decimal(operation: u32, base: u32): u32 {
  const f = flags_arithmetic();
  const al = gpr(AX) & 0xff;
  let ah = (gpr(AX) >> 8) & 0xff;
  let r = al;
  let out: u32 = 0;
  switch (operation) {
    case 0:
    case 1: {
      const low = (al & 15) > 9 || f & AF;
      const high = al > 0x99 || f & CF;
      const adjust: u32 = (low ? 6 : 0) + (high ? 0x60 : 0);
      r = (operation == 0 ? al + adjust : al - adjust) & 0xff;
      out = overflow(al, adjust, r, operation == 1, 0x80);
      if (low) out |= AF;
      if (high || (operation == 1 && low && al < 6)) out |= CF;
      break;
    }
    case 2:
    case 3: {
      const adjusted = (al & 15) > 9 || (f & AF) != 0;
      const adjust: u32 = adjusted ? 0x106 : 0;
      const before = ah << 8 | al;
      const ax = (operation == 2 ? before + adjust : before - adjust) & 0xffff;
      store<u16>(CPU, <u16> ((ax & 0xff00) | (ax & 15)));
      out = overflow(before, adjust, ax, operation == 3, 0x8000);
      if (adjusted) out |= AF | CF;
      if (ax == 0) out |= ZF;
      if (ax & 0x8000) out |= SF;
      if (!(popcnt<u32>(ax & 0xff) & 1)) out |= PF;
      flags_set_arithmetic(out);
      return 1;
    }
    case 4:
      base &= 0xff;
      if (!base) {
        fault(DE, 0);
        return 0;
      }
      ah = al / base;
      r = al % base;
      break;
    default: {
      const more = (ah * base) & 0xff;
      r = (al + more) & 0xff;
      out = overflow(al, more, r, false, 0x80);
      if (r < al) out |= CF;
      out |= (al ^ more ^ r) & AF;
      ah = 0;
    }
  }
  store<u8>(CPU, <u8> r);
  store<u8>(CPU + 1, <u8> ah);
  if (r == 0) out |= ZF;
  if (r & 0x80) out |= SF;
  if (!(popcnt<u32>(r) & 1)) out |= PF;
  flags_set_arithmetic(out);
  return 1;
}

/** RDX:RAX by a 64-bit divisor. Returns 0 after #DE. */
export function cpu_divide64(divisor: u64, signed: u32): u32 {
  let high = load<u64>(CPU + (DX << 3));
  let low = load<u64>(CPU);
  const negative_dividend = signed && <i64> high < 0;
  const negative_divisor = signed && <i64> divisor < 0;
  if (negative_dividend) {
    low = 0 - low;
    high = ~high + (low == 0 ? 1 : 0);
  }
  if (negative_divisor) divisor = 0 - divisor;
  if (divisor == 0 || high >= divisor) {
    fault(DE, 0);
    return 0;
  }
  let quotient: u64 = 0;
  let rest = high;
  for (let i: u64 = 0; i < 64; i++) {
    const carry = rest >> 63;
    rest = (rest << 1) | (low >> (63 - i) & 1);
    quotient <<= 1;
    if (carry || rest >= divisor) {
      rest -= divisor;
      quotient |= 1;
    }
  }
  if (signed) {
    const negative = negative_dividend != negative_divisor;
    if (negative ? quotient > <u64> 1 << 63 : quotient >> 63) {
      fault(DE, 0);
      return 0;
    }
    if (negative) quotient = 0 - quotient;
    if (negative_dividend) rest = 0 - rest;
  }
  store<u64>(CPU, quotient);
  store<u64>(CPU + (DX << 3), rest);
  return 1;
}
