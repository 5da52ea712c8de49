// The map of a domain's memory: the toolstack's single range of RAM, or what the guest put in its place
// (XENMEM_memory_map, XENMEM_set_memory_map; xen/arch/x86/mm.c, x86_64/compat/mm.c).
import { EFAULT, EINVAL, ENOMEM, ENOSYS } from "../errno";
import { current_domain, heap_alloc } from "../domains/domain";
import { copy_from_guest, copy_to_guest } from "../pagetables/guest_copy";
import { own_domain } from "./memory_op";

/** Bytes of an entry {u64 address, u64 size, u32 type}, and most entries of a map (E820MAX). */
const ENTRY: u32 = 20;
const MOST: u32 = 1024;
const RAM: u32 = 1;

const buffer: usize = memory.data(32, 8);

/** {nr_entries, list}: as many entries as there is room for. -EFAULT; -ENOSYS for an empty map. */
export function memory_map(arg: u64): i32 {
  if (copy_from_guest(buffer, arg, 8) != 0) return -EFAULT;
  const d = current_domain;
  const room = load<u32>(buffer);
  const list = load<u32>(buffer, 4);
  const have: u32 = d.own_map_set ? d.own_map_entries : d.memory_map_pages ? 1 : 0;
  if (!have) return -ENOSYS;
  const n = room < have ? room : have;
  let from = d.own_map;
  if (!d.own_map_set) {
    store<u64>(buffer, 0, 8);
    store<u64>(buffer, <u64> d.memory_map_pages << 12, 16);
    store<u32>(buffer, RAM, 24);
    from = buffer + 8;
  }
  if (n && copy_to_guest(list, from, n * ENTRY) != 0) return -EFAULT;
  store<u32>(buffer, n);
  return copy_to_guest(arg, buffer, 4);
}

/**
 * {domid u16, nr_entries, list}: a domain may give itself another map. What is in it is nobody's
 * business but its own.
 *
 * @returns 0; -EFAULT, with the old map in force; -EINVAL for too many entries; -EPERM, -ESRCH for
 *   another domain
 */
export function set_memory_map(arg: u64): i32 {
  if (copy_from_guest(buffer, arg, 12) != 0) return -EFAULT;
  const entries = load<u32>(buffer, 4);
  if (entries > MOST) return -EINVAL;
  const result = own_domain(load<u16>(buffer));
  if (result != 0) return result;
  const d = current_domain;
  // by way of `spare`, so that a list that cannot be read changes nothing
  if (!d.own_map) d.own_map = heap_alloc(MOST * ENTRY);
  if (!d.own_map || !scratch()) return -ENOMEM;
  if (entries && copy_from_guest(spare, load<u32>(buffer, 8), entries * ENTRY) != 0) return -EFAULT;
  memory.copy(d.own_map, spare, entries * ENTRY);
  d.own_map_entries = entries;
  d.own_map_set = 1;
  return 0;
}

/** Where a new map is read to; allocated once for all domains. */
let spare: usize = 0;

function scratch(): bool {
  if (!spare) spare = heap_alloc(MOST * ENTRY);
  return spare != 0;
}
