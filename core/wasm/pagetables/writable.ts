// Writable page tables: a kernel's plain store into a read-only mapped L1 is carried out by the
// hypervisor as a checked update, if the guest asked for that (vm_assist 2).
//
// Any store of up to eight aligned bytes will do, but not one of the FPU, of MMX and SSE, or of a selector
// (MOV, PUSH, far CALL, SLDT and its like): Xen's emulator is given neither FPU nor segments there.
//
// Rules: xen/arch/x86/pv/ro-page-fault.c; shared/pv-abi.md §7.7. For GNU Mach, which stores into live
// L2s as well, the domain option OPT_WRITABLE_L2 does the same there; Xen itself does not.
import { page_fault } from "../cpu/state";
import { current_domain, OPT_WRITABLE_L2 } from "../domains/domain";
import { C_SPLIT_ADDRESS, C_SPLIT_KIND, C_SPLIT_SIZE, CPU, SPLIT } from "../layout";
import { frame, page, T_L1, T_L2 } from "../frames/page";
import { SPLIT_TABLE } from "./commit";
import { P, RW } from "./pte";
import { update_entry } from "./update";
import { LOCKED, MODIFY, NOT_EMULATED, PF_P, PF_W, walk_leaf, walk_mfn } from "./walk";

const ASSIST_WRITABLE_TABLES: u32 = 1 << 2;

let table: u32 = 0;
let locked: bool = false;

/**
 * Takes on a kernel's write that failed because its page is read-only, if it is a page table's.
 *
 * @returns CPU + SPLIT (with the present bytes, for MODIFY), or 0: the fault is the guest's
 */
export function emulated_store(address: u64, size: u32, access: u32): usize {
  const assist = (current_domain.vm_assist & ASSIST_WRITABLE_TABLES) != 0;
  const l2 = (current_domain.options & OPT_WRITABLE_L2) != 0;
  if ((!assist && !l2) || access & NOT_EMULATED) return 0;
  const leaf = walk_leaf();
  if (!leaf || load<u64>(leaf) & RW) return 0; // read-only for another reason
  const mfn = walk_mfn;
  const p = page(mfn);
  const type = p.type & 0xff;
  if (!((assist && type == T_L1) || (l2 && (type == T_L1 || type == T_L2)))) return 0;
  if (!p.type_count || p.owner != current_domain.id) return 0;
  if (size > 8 || size & (size - 1) || <u32> address & (size - 1)) return 0;
  table = mfn;
  locked = (access & LOCKED) != 0;
  store<u64>(CPU + C_SPLIT_ADDRESS, address);
  store<u32>(CPU + C_SPLIT_SIZE, size);
  store<u32>(CPU + C_SPLIT_KIND, SPLIT_TABLE);
  if ((access & MODIFY) == MODIFY) memory.copy(CPU + SPLIT, frame(mfn) + (<usize> address & 0xfff), size);
  return CPU + SPLIT;
}

/** Checks and carries out the store. False: refused, and the page fault that the guest gets is noted. */
export function commit_store(): bool {
  const address = load<u64>(CPU + C_SPLIT_ADDRESS);
  const size = load<u32>(CPU + C_SPLIT_SIZE);
  const offset = <u32> address & 0xff8;
  const shift = <u64> (address & 7) << 3;
  const mask: u64 = size == 8 ? ~0 : (((<u64> 1 << (<u64> size << 3)) - 1) << shift);
  const old = load<u64>(frame(table) + offset);
  const value = (old & ~mask) | ((load<u64>(CPU + SPLIT) << shift) & mask);
  if (update_entry(table, offset, value, false, current_domain.id) == 0) return true;
  // A guest that writes the upper half first may pass through an entry that names a frame not its
  // own: the entry is made not present, and the lower half is expected next. A compare-and-exchange,
  // which is what Xen makes of LOCK, is not helped so.
  if (size == 4 && address & 4 && !locked && value & P) {
    if (update_entry(table, offset, value & ~P, false, current_domain.id) == 0) return true;
  }
  return page_fault(address, PF_P | PF_W);
}
