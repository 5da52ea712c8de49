// A door for tests: 64-bit code in the address space of a 32-bit guest, at CPL 3, with whatever it raises
// given to the host instead of the guest. The host sets registers and code, calls long_begin, lets the
// interpreter run (the exported road "resume"), and looks at C_FAULT, C_FAULT_ADDRESS and C_INSN_EIP.
import { drop_all_code } from "../cpu/code";
import { set_eflags } from "../cpu/flags";
import {
  ATTR_D,
  ATTR_L,
  ATTR_P,
  ATTR_S,
  ATTR_TYPE_A,
  ATTR_TYPE_CODE,
  ATTR_TYPE_W,
  clear_fault,
  set_segment,
  update_mode,
} from "../cpu/state";
import { domain_by_id, vcpu_of } from "../domains/domain";
import { load_vcpu } from "../domains/schedule";
import { C_BUDGET, C_CPL, C_SHADOW, C_STEP_ARMED, C_STOP, CPU, CS, DS, ES, FS, GS, SS } from "../layout";
import { translate } from "../pagetables/walk";
import { long_catch } from "./address";

const USER: u32 = ATTR_P | ATTR_S | ATTR_TYPE_A | 3 << 13;

/**
 * Puts a domain's first vCPU to work in 64-bit code, of which nothing is decoded yet.
 *
 * @param cs selectors, as a process of the host has them: nothing here looks them up
 */
export function long_enter(domid: u32, cs: u32, ss: u32, fs_base: u64, gs_base: u64): void {
  load_vcpu(vcpu_of(domain_by_id(domid), 0));
  store<u32>(CPU + C_CPL, 3);
  set_segment(CS, cs, USER | ATTR_TYPE_CODE | ATTR_TYPE_W | ATTR_L, 0, 0xffffffff);
  set_segment(SS, ss, USER | ATTR_TYPE_W | ATTR_D, 0, 0xffffffff);
  set_segment(DS, 0, 0, 0, 0);
  set_segment(ES, 0, 0, 0, 0);
  set_segment(FS, 0, 0, fs_base, 0);
  set_segment(GS, 0, 0, gs_base, 0);
  long_catch(true);
  update_mode();
  drop_all_code();
}

/** Host address of a byte of the guest's; 0 if it is not mapped. */
export function long_host(address: u64): usize {
  return translate(address, 0, true);
}

/** Before the interpreter is let go: at most `budget` instructions. */
export function long_begin(flags: u32, budget: i32): void {
  clear_fault();
  set_eflags(flags);
  store<u32>(CPU + C_STOP, 0);
  store<u32>(CPU + C_SHADOW, 0);
  store<u32>(CPU + C_STEP_ARMED, 0);
  store<i32>(CPU + C_BUDGET, budget);
  update_mode();
}
