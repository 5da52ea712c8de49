/** Granters and mappers on the rig: what tests of grants between two domains have in common. */
import assert from "node:assert/strict";
import { type Guest, type Rig, SELF } from "./rig.ts";

export const GRANT_TABLE_OP = 20, UPDATE_VA_MAPPING = 14;
export const MAP = 0, UNMAP = 1, SETUP_TABLE = 2, COPY = 5, QUERY_SIZE = 6, SET_VERSION = 8;
export const HOST = 2, READONLY = 4, APPLICATION = 8, CONTAINS_PTE = 16;
export const PERMIT = 1, RO_ENTRY = 5, READING = 8, WRITING = 16;
export const OKAY = 0, GENERAL = -1, BAD_DOMAIN = -2, BAD_REF = -3, BAD_HANDLE = -4;
export const DENIED = -8, BAD_PAGE = -9, BAD_COPY = -10;
/** Guest page numbers: structures, what is granted, where others' frames are mapped, the table itself. */
export const ARGS = 5, GRANTED = 10, WINDOW = 20, TABLE = 30;

export const signed = (word: number) => word << 16 >> 16;

/** A guest with the first frame of its grant table mapped at page TABLE. */
export function addGranter(rig: Rig, options = 0): Guest {
  const guest = rig.addGuest({ options }).enter();
  const list = guest.va(ARGS, 64);
  const arg = guest.write(guest.va(ARGS), SELF, 1, 0, list);
  assert.equal(guest.call(GRANT_TABLE_OP, SETUP_TABLE, arg, 1), 0);
  assert.equal(signed(guest.read(arg + 8)), OKAY);
  const mfn = guest.read(list);
  assert.equal(map(guest, TABLE, mfn, 0x63), 0);
  guest.mfns[TABLE] = mfn;
  return guest;
}

export function map(guest: Guest, page: number, mfn: number, flags: number): number {
  return guest.call(UPDATE_VA_MAPPING, guest.va(page), (mfn << 12) | flags, mfn >>> 20, 2);
}

export function grant(guest: Guest, ref: number, flags: number, domid: number, mfn: number): void {
  guest.write(guest.va(TABLE, ref * 8), flags | (domid << 16), mfn);
}

export const flags = (guest: Guest, ref: number) => guest.read(guest.va(TABLE, ref * 8)) & 0xffff;

export interface MapOp {
  at?: number;
  how?: number;
  ref?: number;
  dom: number;
}

/** One map_grant_ref; returns its status and handle. */
export function grantMap(guest: Guest, { at = guest.va(WINDOW), how = HOST, ref = 9, dom }: MapOp) {
  const arg = guest.write(guest.va(ARGS), at, 0, how, ref, dom | (77 << 16), 0xdead, 0, 0);
  assert.equal(guest.call(GRANT_TABLE_OP, MAP, arg, 1), 0);
  return { status: guest.read(arg + 16) >> 16, handle: guest.read(arg + 20) };
}

export function grantUnmap(guest: Guest, handle: number, at = guest.va(WINDOW)): number {
  const arg = guest.write(guest.va(ARGS), at, 0, 0, 0, handle, 77);
  assert.equal(guest.call(GRANT_TABLE_OP, UNMAP, arg, 1), 0);
  return signed(guest.read(arg + 20));
}
