// INT n, INT3, INTO, INT1. Source: xen/arch/x86/traps.c, pv-abi.md §4.5.
//
// The hypervisor's IDT lets rings 1 and 3 call vectors 3, 4 and 0x80, ring 1 also 0x82. Any other
// INT n raises #GP(n * 8 + 2), as 0x80 without a handler does, and the guest's own trap table then says
// whether it is allowed: an entry without a handler may be, and ends the domain.
import { eflags, RF } from "../cpu/flags";
import {
  AX,
  BP_,
  BX,
  cpl,
  CX,
  DB,
  DI,
  DX,
  eip,
  fault,
  GP,
  gpr,
  OF_,
  set_gpr,
  SI,
} from "../cpu/state";
import { LONG } from "../cpu/tables";
import { hypervisor_entered } from "../events/deliver";
import { hypercall } from "../hypercalls/dispatch";
import { C_RECORD, C_STEP_ARMED, CPU, REC_IMM } from "../layout";
import { long_caught } from "../long/address";
import { deliver_software_interrupt, deliver_trap, trap_at_once } from "./deliver";
import { trap_flags, trap_present } from "./table";

const SYSCALL_VECTOR: u32 = 0x80;
const HYPERCALL_VECTOR: u32 = 0x82;

function refuse(vector: u32): void {
  fault(GP, (vector << 3) | 2);
}

/** INT 0x82 from ring 1: the number in EAX, arguments in EBX ECX EDX ESI EDI, the result in EAX. */
// @ts-ignore: decorator
@inline export function insn_hypercall(): void {
  store<u32>(CPU + C_STEP_ARMED, 0); // a gate clears TF; it counts again after the next instruction
  const result = hypercall(gpr(AX), gpr(BX), gpr(CX), gpr(DX), gpr(SI), gpr(DI));
  // The iret hypercall returns the EAX that it restored.
  set_gpr(AX, result);
}

/**
 * INT n that enters a handler of the kernel's in the common case (at_once.ts).
 *
 * @returns false with nothing changed: insn_int does it
 */
// @ts-ignore: decorator
@inline export function int_at_once(): bool {
  const vector = vector_at_hand();
  if (vector == BP_ || vector == OF_ || vector == HYPERCALL_VECTOR || (LONG && long_caught)) return false;
  const system_call = vector == SYSCALL_VECTOR && trap_present(vector);
  if (!system_call && !allowed(vector)) return false;
  const flags = system_call ? eflags() : eflags() | RF; // as deliver_software_interrupt shows it
  if (!trap_at_once(vector, false, 0, <u32> eip(), flags)) return false;
  hypervisor_entered();
  return true;
}

/** Whether the guest's own trap table lets the running ring call a vector. */
// @ts-ignore: decorator
@inline function allowed(vector: u32): bool {
  return (trap_flags(vector) & 3) >= (cpl() == 1 ? <u32> 1 : <u32> 3);
}

// @ts-ignore: decorator
@inline function vector_at_hand(): u32 {
  return <u32> load<i64>(<usize> load<u32>(CPU + C_RECORD) + REC_IMM) & 0xff;
}

/** INT n, its vector in the record. */
export function insn_int(): void {
  const vector = vector_at_hand();
  if (vector == BP_ || vector == OF_) deliver_trap(vector);
  else if (vector == SYSCALL_VECTOR && trap_present(vector)) deliver_trap(vector);
  else if (vector == HYPERCALL_VECTOR && cpl() == 1) insn_hypercall();
  else if (allowed(vector)) deliver_software_interrupt(vector);
  else refuse(vector);
}

/** INT3 (CC): the guest's DPL for vector 3 plays no part. */
export function insn_int3(): void {
  deliver_trap(BP_);
}

/** INTO with OF set. */
export function insn_into(): void {
  deliver_trap(OF_);
}

/** INT1 (F1): #DB that leaves DR6 as it is. */
export function insn_int1(): void {
  deliver_trap(DB);
}
