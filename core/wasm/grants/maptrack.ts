// Handles: what a domain has mapped of others' grants.
import { DOM_DEAD, Domain, domain_by_id, heap_alloc } from "../domains/domain";
import { grant_table } from "./table";

/** Mappings any domain may have at a time. */
export const MAX_MAPTRACK: u32 = 1024;

@unmanaged
export class Track {
  flags: u32; // GNTMAP_*; 0 = the handle is free
  ref: u32;
  domid: u32;
  serial: u32; // of the domain that had the number then
  mfn: u32;
}

/** What a handle stands for; null if it was never given out. */
export function maptrack_at(d: Domain, handle: u32): Track {
  const t = grant_table(d);
  return changetype<Track>(handle < t.map_count ? t.maps + handle * offsetof<Track>() : 0);
}

/** A free handle (it is taken once its flags are set), -1 if there is none. */
export function maptrack_take(d: Domain): i32 {
  const t = grant_table(d);
  for (let handle: u32 = 0; handle < t.map_count; handle++) {
    if (!maptrack_at(d, handle).flags) return handle;
  }
  if (!t.maps) t.maps = heap_alloc(MAX_MAPTRACK * offsetof<Track>());
  if (!t.maps || t.map_count >= d.max_maptrack) return -1;
  maptrack_clear(t.maps + t.map_count * offsetof<Track>());
  return t.map_count++;
}

function maptrack_clear(at: usize): void {
  memory.fill(at, 0, offsetof<Track>());
}

/** The domain whose grant a taken handle stands for; null when it is gone, whoever has its number now. */
export function maptrack_owner(t: Track): Domain {
  const d = domain_by_id(t.domid);
  return changetype<usize>(d) && d.serial == t.serial && d.state != DOM_DEAD ? d : changetype<Domain>(0);
}
