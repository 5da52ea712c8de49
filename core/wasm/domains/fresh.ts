// The segment registers of a new vCPU context. Its selectors are loaded just before its first
// instruction, when its own descriptor tables are in force.
import { C_CPL, C_SEG, CPU, CS, DS, ES, FS, GS, SEG_SEL, SEG_SIZE, SS } from "../layout";
import {
  ATTR_G,
  ATTR_P,
  ATTR_S,
  ATTR_TYPE_CODE,
  ATTR_TYPE_W,
  clear_fault,
  seg_selector,
  set_segment,
  update_mode,
} from "../cpu/state";
import { desc_high, desc_low, read_descriptor } from "../segments/descriptor";
import { load_segment } from "../segments/load";
import { domain_crash } from "./crash";
import { Domain, Vcpu } from "./domain";

const ATTRIBUTES: u32 = 0x00f0ff00; // of a descriptor's high word

/** Loads CS or SS from its descriptor if the type is right for it. */
function load_fixed(seg: u32, selector: u32, want: u32): bool {
  if (!(selector & ~3) || !read_descriptor(selector)) return false;
  const attr = desc_high & ATTRIBUTES;
  if ((attr & (ATTR_P | ATTR_S | want)) != (ATTR_P | ATTR_S | want)) return false;
  if (seg == SS && attr & ATTR_TYPE_CODE) return false;
  const base = (desc_low >> 16) | ((desc_high & 0xff) << 16) | (desc_high & 0xff000000);
  let limit = (desc_low & 0xffff) | (desc_high & 0xf0000);
  if (attr & ATTR_G) limit = (limit << 12) | 0xfff;
  set_segment(seg, selector, attr, base, limit);
  return true;
}

function load_data(seg: u32): void {
  const selector = load<u32>(CPU + C_SEG + seg * SEG_SIZE + SEG_SEL);
  set_segment(seg, 0, 0, 0, 0);
  if (selector & ~3 && load_segment(seg, selector)) return;
  clear_fault();
  if (!(selector & ~3)) set_segment(seg, selector, 0, 0, 0);
}

/**
 * Loads the six selectors of the current vCPU, whose context is new. A data selector that cannot be
 * loaded becomes null; a code or stack selector that cannot be loaded ends the domain.
 */
export function load_fresh_segments(v: Vcpu): void {
  v.fresh = 0;
  const cs = seg_selector(CS);
  const ss = seg_selector(SS);
  store<u32>(CPU + C_CPL, (cs & 3) == 3 ? 3 : 1);
  if (!load_fixed(CS, cs, ATTR_TYPE_CODE) || !load_fixed(SS, ss, ATTR_TYPE_W)) {
    clear_fault();
    domain_crash(
      changetype<Domain>(v.domain),
      "the code or stack selector of a new vCPU cannot be loaded",
    );
  }
  load_data(ES);
  load_data(DS);
  load_data(FS);
  load_data(GS);
  update_mode();
}
