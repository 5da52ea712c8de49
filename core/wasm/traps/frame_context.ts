// The guest context that an exception interrupts: a copy of CS:EIP, EFLAGS and SS:ESP on which bounce
// frames are built before anything is loaded into the CPU. It may name segments that do not exist,
// since the hypervisor's return to a guest can itself fault (pv-abi.md §4.7).
import { eflags, RF, set_eflags } from "../cpu/flags";
import {
  breakpoints_armed,
  cpl,
  fault,
  GP,
  gpr,
  NP,
  seg_attr,
  seg_base,
  seg_limit,
  seg_selector,
  set_eip,
  set_gpr,
  set_segment,
  SP,
  update_mode,
} from "../cpu/state";
import { current, current_domain, Domain, Vcpu } from "../domains/domain";
import { C_CPL, C_STEP_ARMED, CPU, CS, SS } from "../layout";
import { mark_accessed, segment_from_descriptor } from "../segments/descriptor";
import { known_as, known_attr, known_base, known_limit, known_stack, remember } from "../segments/known";
import { check_stack_selector } from "../segments/load";
import {
  check_return_code,
  clear_inner_segments,
  code_limit,
  commit_code,
} from "../segments/return";

export let ctx_cs: u32 = 0;
export let ctx_eip: u32 = 0;
export let ctx_flags: u32 = 0;
export let ctx_ss: u32 = 0;
export let ctx_esp: u32 = 0;

/** Sets the whole context. */
export function context_set(cs: u32, eip: u32, flags: u32, ss: u32, esp: u32): void {
  ctx_cs = cs & 0xffff;
  ctx_eip = eip;
  ctx_flags = flags;
  ctx_ss = ss & 0xffff;
  ctx_esp = esp;
}

/** Takes the context from the CPU, with the given EIP. */
export function context_take(eip: u64): void {
  context_set(seg_selector(CS), <u32> eip, eflags(), seg_selector(SS), gpr(SP));
}

let forgotten: bool = false;

/** Makes the next context_load read CS and SS from their tables, even where it finds the selectors loaded. */
export function forget_code_and_stack(): void {
  forgotten = true;
}

/**
 * Whether a descriptor table of the running vCPU's changed since CS and SS were last read, and they with it: the
 * next way back reads them again then.
 */
// @ts-ignore: decorator
@inline export function code_reload_due(v: Vcpu): bool {
  return v.code_checked != changetype<Domain>(v.domain).descriptor_changes && !code_and_stack_stay(v);
}

/** Other descriptors than these were changed: a kernel that switches programs changes those for threads' data. */
// @ts-ignore: decorator
@inline function code_and_stack_stay(v: Vcpu): bool {
  if (!stays(CS) || !stays(SS)) return false;
  v.code_checked = changetype<Domain>(v.domain).descriptor_changes;
  return true;
}

// @ts-ignore: decorator
@inline function stays(seg: u32): bool {
  return known_as(seg_selector(seg), seg_attr(seg), <u32> seg_base(seg), seg_limit(seg));
}

/**
 * Loads the context into the CPU as the IRET at the end of a hypervisor entry does. CS and SS are not
 * read again where they hold their selector and no table in use has changed.
 *
 * @returns false with #GP or #NP pending and the CPU unchanged
 */
export function context_load(): bool {
  const ring = ctx_cs & 3;
  if (code_reload_due(current)) forgotten = true;
  const new_cs = forgotten || ctx_cs != seg_selector(CS) || ring != cpl();
  const new_ss = forgotten || ctx_ss != seg_selector(SS) || ring != cpl();
  forgotten = false;
  if (new_cs && !check_return_code(ctx_cs, 0)) return false;
  const quick = new_ss && (ctx_ss & 3) == ring && known_stack(ctx_ss);
  if (new_ss && !quick && !check_stack_selector(ctx_ss, ring, NP)) return false;
  if (ctx_eip > (new_cs ? code_limit : seg_limit(CS))) return fault(GP, 0);
  if (quick) set_segment(SS, ctx_ss, known_attr, known_base, known_limit);
  else if (new_ss) {
    mark_accessed();
    segment_from_descriptor(SS, ctx_ss);
    remember(ctx_ss);
  }
  if (new_cs) commit_code();
  current.code_checked = current_domain.descriptor_changes;
  store<u32>(CPU + C_CPL, ring);
  if (ring != 1) clear_inner_segments(ring);
  // RF means something only to breakpoints: without any it would just linger.
  set_eflags(breakpoints_armed ? ctx_flags : ctx_flags & ~RF);
  set_eip(ctx_eip);
  set_gpr(SP, ctx_esp);
  store<u32>(CPU + C_STEP_ARMED, 0); // TF counts from the next instruction on
  update_mode();
  return true;
}
