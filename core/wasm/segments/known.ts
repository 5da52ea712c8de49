// Descriptors of the GDT that were read and found good lately: a trap and the way back from it load
// the same few again and again.
//
// Nothing rests on being told of a change: each time a descriptor is asked for, its two words are
// compared with what they were. Only where the table itself lies is remembered, so who gives a vCPU
// another table, or runs another vCPU, calls forget_known.
import {
  ATTR_D,
  ATTR_P,
  ATTR_S,
  ATTR_TYPE_A,
  ATTR_TYPE_CODE,
  ATTR_TYPE_E,
  ATTR_TYPE_W,
} from "../cpu/state";
import { ATTR_MASK, desc_at, desc_base, desc_high, desc_limit, desc_low } from "./descriptor";

const ENTRIES: u32 = 64;
const ENTRY: usize = 32;
const SELECTOR: usize = 0; // u32: index of the descriptor << 3 | IN_USE
const AT: usize = 4; // u32: host address of the descriptor
const LOW: usize = 8; // u32
const HIGH: usize = 12; // u32
const BASE: usize = 16; // u32
const LIMIT: usize = 20; // u32
const FLAT: usize = 24; // u32: the attributes, if it is 32 bits wide, of base 0, and spans 4 GiB upwards; else 0

const IN_USE: u32 = 1;
const TI: u32 = 4;

const table = memory.data(64 * 32, 8);

/** What the descriptor found last says. */
export let known_attr: u32 = 0;
export let known_base: u32 = 0;
export let known_limit: u32 = 0;

// @ts-ignore: decorator
@inline function place(selector: u32): usize {
  return table + (<usize> ((selector >> 3) & (ENTRIES - 1)) << 5);
}

/** The place of a selector's descriptor; 0 if it is not known, or is not any more what it was. */
// @ts-ignore: decorator
@inline function entry_of(selector: u32): usize {
  const e = place(selector);
  if (load<u32>(e + SELECTOR) != ((selector & 0xfffc) | IN_USE)) return 0;
  const at: usize = load<u32>(e + AT);
  if ((load<u32>(at) ^ load<u32>(e + LOW)) | (load<u32>(at, 4) ^ load<u32>(e + HIGH))) return 0;
  return e;
}

/** Attributes of a known 32-bit segment of base 0 that spans 4 GiB upwards; else 0. */
// @ts-ignore: decorator
@inline function flat_attr(selector: u32): u32 {
  const e = entry_of(selector);
  return e ? load<u32>(e + FLAT) : 0;
}

/** Looks a selector up; true with known_attr, known_base and known_limit set. */
// @ts-ignore: decorator
@inline export function known(selector: u32): bool {
  const e = entry_of(selector);
  if (!e) return false;
  known_attr = load<u32>(e + HIGH) & ATTR_MASK;
  known_base = load<u32>(e + BASE);
  known_limit = load<u32>(e + LIMIT);
  return true;
}

/** Whether a selector is known and its descriptor says just this. */
// @ts-ignore: decorator
@inline export function known_as(selector: u32, attr: u32, base: u32, limit: u32): bool {
  const e = entry_of(selector);
  if (!e) return false;
  return ((load<u32>(e + HIGH) & ATTR_MASK) ^ attr | load<u32>(e + BASE) ^ base | load<u32>(e + LIMIT) ^ limit) == 0;
}

/** As known, for code that a return to the selector's ring may go to: present, of that very ring. */
// @ts-ignore: decorator
@inline export function known_code(selector: u32): bool {
  return known(selector) && is_code(known_attr, selector);
}

// @ts-ignore: decorator
@inline function is_code(attr: u32, selector: u32): bool {
  const wanted = ATTR_P | ATTR_S | ATTR_TYPE_CODE | (selector & 3) << 13;
  return (attr & (ATTR_P | ATTR_S | ATTR_TYPE_CODE | ATTR_TYPE_E | 0x6000)) == wanted;
}

/** Attributes of flat 32-bit code, known and as known_code wants it; else 0. */
// @ts-ignore: decorator
@inline export function known_flat_code(selector: u32): u32 {
  const attr = flat_attr(selector);
  return is_code(attr, selector) ? attr : 0;
}

/** As known, for a stack of the selector's ring: present writable data of that very ring, marked accessed. */
// @ts-ignore: decorator
@inline export function known_stack(selector: u32): bool {
  return known(selector) && is_stack(known_attr, selector);
}

// @ts-ignore: decorator
@inline function is_stack(attr: u32, selector: u32): bool {
  const wanted = ATTR_P | ATTR_S | ATTR_TYPE_W | ATTR_TYPE_A | (selector & 3) << 13;
  return (attr & (ATTR_P | ATTR_S | ATTR_TYPE_CODE | ATTR_TYPE_W | ATTR_TYPE_A | 0x6000)) == wanted;
}

/** Attributes of a flat 32-bit stack, known and as known_stack wants it; else 0. */
// @ts-ignore: decorator
@inline export function known_flat_stack(selector: u32): u32 {
  const attr = flat_attr(selector);
  return is_stack(attr, selector) ? attr : 0;
}

/** As known, for data that a ring may load: present, no code, marked accessed. */
// @ts-ignore: decorator
@inline export function known_data(selector: u32, ring: u32): bool {
  return known(selector) && is_data(known_attr, selector, ring);
}

// @ts-ignore: decorator
@inline function is_data(attr: u32, selector: u32, ring: u32): bool {
  if ((attr & (ATTR_P | ATTR_S | ATTR_TYPE_CODE | ATTR_TYPE_A)) != (ATTR_P | ATTR_S | ATTR_TYPE_A)) return false;
  const dpl = (attr >> 13) & 3;
  return dpl >= ring && dpl >= (selector & 3);
}

/** Attributes of flat writable data, known and as known_data wants it; else 0. */
// @ts-ignore: decorator
@inline export function known_flat_data(selector: u32, ring: u32): u32 {
  const attr = flat_attr(selector);
  return attr & ATTR_TYPE_W && is_data(attr, selector, ring) ? attr : 0;
}

/** Remembers the descriptor read last; those of the LDT, whose pages come and go, are not kept. */
export function remember(selector: u32): void {
  if (selector & TI || !(selector & 0xfff8)) return;
  const e = place(selector);
  store<u32>(e + SELECTOR, (selector & 0xfff8) | IN_USE);
  store<u32>(e + AT, <u32> desc_at);
  store<u32>(e + LOW, desc_low);
  store<u32>(e + HIGH, desc_high);
  store<u32>(e + BASE, desc_base());
  store<u32>(e + LIMIT, desc_limit());
  const flat = (desc_base() | ~desc_limit()) == 0 && (desc_high & (ATTR_D | ATTR_TYPE_E)) == ATTR_D;
  store<u32>(e + FLAT, flat ? desc_high & ATTR_MASK : 0);
}

/** To be called when another table is in force. */
export function forget_known(): void {
  memory.fill(table, 0, ENTRIES * ENTRY);
}
