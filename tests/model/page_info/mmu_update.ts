/** mmu_update, and the two that find an entry by the address it maps. §7.4, §7.5, §16. */
import { EINVAL, ENOSYS, EPERM, ESRCH, type Frame, mfnOf, P, PSE } from "./frame.ts";
import { getPage, getType, putPage, putType } from "./references.ts";
import { updateEntry } from "./update.ts";
import type { Domain, World } from "./world.ts";

export const DOMID_SELF = 0x7ff0, DOMID_IO = 0x7ff1, DOMID_XEN = 0x7ff2;
/** Stands for the owner of what is no RAM. */
const IO = -3;

/** Whose frames a call may name: no guest has privilege over another. Its own number is not accepted. */
export function pageOwner(w: World, d: Domain, domid: number): { owner: number; error: number } {
  if (domid === DOMID_SELF) return { owner: d.id, error: 0 };
  if (domid === DOMID_IO) return { owner: IO, error: 0 };
  const exists = domid === 0 || domid === DOMID_XEN || w.domains.has(domid);
  return { owner: 0, error: exists && domid !== d.id ? EPERM : ESRCH };
}

export interface Request {
  ptr: bigint;
  value: bigint;
}

export interface Done {
  result: number;
  /** What is written to *done; undefined: it is left alone. */
  done: number | undefined;
}

export function mmuUpdate(w: World, d: Domain, list: Request[], foreigndom: number): Done {
  const tables = (foreigndom >>> 16) - 1;
  let denied = false;
  if (tables >= 0 && tables !== d.id) {
    if (tables !== 0 && !w.domains.has(tables)) return { result: ESRCH, done: undefined };
    denied = true;
  }
  const { owner, error } = pageOwner(w, d, foreigndom & 0xffff);
  if (error === ESRCH) return { result: ESRCH, done: 0 };
  let done = 0;
  for (const r of list) {
    const command = Number(r.ptr & 7n);
    const result = command > 3 ? ENOSYS : denied || error ? EPERM : request(w, d, r, owner);
    if (result) return { result, done };
    done++;
  }
  return { result: 0, done };
}

function request(w: World, d: Domain, { ptr, value }: Request, owner: number): number {
  const command = Number(ptr & 7n), mfn = Number(ptr >> 12n);
  if (command === 1) { // MACHPHYS_UPDATE
    const f = getPage(w, mfn, owner);
    if (!f) return EINVAL;
    f.pfn = Number(value & 0xffffffffn);
    putPage(w, f);
    return 0;
  }
  const f = getPage(w, mfn, d.id);
  if (!f) return EINVAL;
  const error = change(w, f, Number(ptr & 0xff8n) >> 3, value, command === 2, owner);
  putPage(w, f);
  return error;
}

/** A checked update of a table; a page that is none is just written to. */
function change(
  w: World,
  f: Frame,
  index: number,
  value: bigint,
  preserve: boolean,
  owner: number,
): number {
  if (f.isTable && f.typeCount) return updateEntry(w, f, index, value, preserve, owner);
  if (getType(w, f, "writable")) return EINVAL;
  f.words[index] = value;
  putType(w, f);
  return 0;
}

/** Whether an update of a frame is one of an L2 or L3, after which the hypervisor flushes. */
export const isUpper = (f: Frame | undefined): boolean =>
  f !== undefined && f.typeCount > 0 && (f.type === "L2" || f.type === "L3");

/** The L1 that the present tables have for an address: one of the domain's own, in use as an L1. */
export function findL1(w: World, d: Domain, va: number): Frame | undefined {
  const l2 = d.cr3 && step(w, d.cr3, Math.floor(va / 2 ** 30));
  const l1 = l2 && step(w, l2, Math.floor(va / 2 ** 21) % 512);
  return l1 && l1.type === "L1" && l1.typeCount && l1.owner === d.id ? l1 : undefined;
}

function step(w: World, table: Frame, index: number): Frame | undefined {
  const e = table.words[index];
  return e & P && !(e & PSE) ? w.frame(mfnOf(e)) : undefined;
}

export function updateVaMapping(w: World, d: Domain, va: number, value: bigint): number {
  const l1 = findL1(w, d, va);
  if (!l1) return EINVAL;
  return updateEntry(w, l1, Math.floor(va / 4096) % 512, value, false, d.id);
}

/** The golden refuses every owner but DOMID_SELF here, DOMID_IO too. */
export function updateVaMappingOther(
  w: World,
  d: Domain,
  va: number,
  value: bigint,
  domid: number,
): number {
  const { owner, error } = pageOwner(w, d, domid);
  if (error) return error;
  return owner === IO ? EPERM : updateVaMapping(w, d, va, value);
}
