/** Descriptor tables and selectors of a rig's guest, set as a kernel would: by hypercalls, and by MOV. */
import assert from "node:assert/strict";
import {
  C_CPL,
  C_EIP,
  C_SEG,
  CPU,
  CS,
  DS,
  ES,
  FS,
  GS,
  R_AX,
  R_BX,
  R_CX,
  R_DX,
  R_SP,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SEL,
  SEG_SIZE,
  SS,
} from "../../core/wasm/layout.ts";
import { type Guest, SELF } from "../hypercalls/rig.ts";

const GDT_PAGE = 20, LDT_PAGE = 21, CODE_PAGE = 22, SPOT_PAGE = 23, STACK_TOP = 25;
const ENTRIES = 16;

/** A descriptor of `high`'s attributes (bits 8 to 23), 4 GiB long unless told. */
export function descriptor(high: number, base = 0, limit = 0xfffff): [number, number] {
  return [
    ((base & 0xffff) << 16 | limit & 0xffff) >>> 0,
    (high & 0xf0ff00 | limit & 0xf0000 | base & 0xff000000 | (base >>> 16) & 0xff) >>> 0,
  ];
}

/** Gives the running vCPU a GDT and an LDT of 16 entries each, empty. */
export function tables(guest: Guest) {
  const map = (page: number, flags: number) =>
    guest.call(14, guest.va(page), guest.mfns[page] << 12 | flags, guest.mfns[page] >>> 20, 2);
  assert.equal(map(GDT_PAGE, 0x21), 0);
  assert.equal(map(LDT_PAGE, 0x21), 0);
  assert.equal(map(CODE_PAGE, 0x67), 0);
  assert.equal(guest.call(2, guest.write(guest.va(30), guest.mfns[GDT_PAGE]), ENTRIES), 0);
  const setLdt = () =>
    guest.call(26, guest.write(guest.va(30), 13, guest.va(LDT_PAGE), ENTRIES), 1, 0, SELF);
  assert.equal(setLdt(), 0);
  const update = (page: number, entry: number, [low, high]: [number, number]) => {
    const address = guest.mfns[page] * 4096 + entry * 8;
    return guest.call(10, address | 0, Math.floor(address / 2 ** 32), low, high);
  };
  return {
    gdt: (entry: number, words: [number, number]) =>
      assert.equal(update(GDT_PAGE, entry, words), 0),
    ldt: (entry: number, words: [number, number]) =>
      assert.equal(update(LDT_PAGE, entry, words), 0),
    /** update_descriptor's own answer. */
    tryGdt: (entry: number, words: [number, number]) => update(GDT_PAGE, entry, words),
    gdtWords: (entry: number): [number, number] => [
      guest.read(guest.va(GDT_PAGE, entry * 8)),
      guest.read(guest.va(GDT_PAGE, entry * 8 + 4)),
    ],
    /** Unmaps the LDT's page. */
    dropLdt: () => assert.equal(guest.call(14, guest.va(LDT_PAGE), 0, 0, 2), 0),
  };
}

/** Registers of the running vCPU. */
export function registers(guest: Guest) {
  const view = guest.rig.core.view();
  const word = (at: number) => view.getUint32(CPU + at, true);
  const segment = (n: number, part: number) => word(C_SEG + n * SEG_SIZE + part);
  return {
    eax: word(R_AX),
    eip: word(C_EIP),
    esp: word(R_SP),
    flags: guest.rig.inside.inspect_eflags(guest.domid, 0) >>> 0,
    cpl: word(C_CPL),
    cs: segment(CS, SEG_SEL),
    ss: segment(SS, SEG_SEL),
    ds: segment(DS, SEG_SEL),
    es: segment(ES, SEG_SEL),
    fs: segment(FS, SEG_SEL),
    gs: segment(GS, SEG_SEL),
    csLimit: segment(CS, SEG_LIMIT),
    fsBase: segment(FS, SEG_BASE),
    gsLimit: segment(GS, SEG_LIMIT),
  };
}

export interface Selectors {
  ds: number;
  es: number;
  fs: number;
  gs: number;
}

/** Gives the running vCPU code to run, in a page of its own; behind it, it goes round for ever. */
export function park(guest: Guest, bytes: number[] = []): void {
  const { core } = guest.rig;
  // what was decoded from the page before is dropped when the hypervisor clears it
  guest.call(26, guest.write(guest.va(32), 16, guest.mfns[CODE_PAGE], 0), 1, 0, SELF);
  core.frame(guest.mfns[CODE_PAGE]).set([...bytes, 0xeb, 0xfe]);
  core.view().setBigUint64(CPU + C_EIP, BigInt(guest.va(CODE_PAGE)), true);
}

/** Places to arrive at: each goes round for ever. */
export function spot(guest: Guest, n: number): number {
  guest.rig.core.frame(guest.mfns[SPOT_PAGE]).set([0xeb, 0xfe], n * 16);
  return guest.va(SPOT_PAGE, n * 16);
}

/** Runs guest code of some few instructions to its end. Other guests must be parked. */
export function run(guest: Guest, bytes: number[]): void {
  const { rig } = guest;
  park(guest, bytes);
  rig.inside.slice_end();
  // so many slices that it is this guest's turn, whatever the others have had
  for (let n = 0; n < 60; n++) rig.core.exports.machine_run(0n, 1000);
  guest.enter();
}

/**
 * Loads the four selectors by MOV in the running vCPU's kernel, which then goes to user mode by IRET if
 * a stack is given whose code selector has RPL 3. `then` is code to go on with.
 */
export function loadSelectors(
  guest: Guest,
  { ds, es, fs, gs }: Selectors,
  { cs, ss, esp } = { cs: 0xe019, ss: 0xe021, esp: guest.va(STACK_TOP) },
  then: number[] = [],
): void {
  const view = guest.rig.core.view();
  const set = (at: number, value: number) => view.setBigUint64(CPU + at, BigInt(value), true);
  set(R_AX, ds);
  set(R_BX, es);
  set(R_CX, fs);
  set(R_DX, gs);
  const mov = [0x8e, 0xd8, 0x8e, 0xc3, 0x8e, 0xe1, 0x8e, 0xea];
  if ((cs & 3) === 1) {
    set(R_SP, esp);
    run(guest, [...mov, ...then]);
    return;
  }
  // push ss, esp, flags, cs, the address of the endless jump; iret
  const push = (value: number) => [0x68, value, value >>> 8, value >>> 16, value >>> 24];
  const length = mov.length + 5 * 5 + 1;
  set(R_SP, guest.va(STACK_TOP));
  const pushes = [ss, esp, 0x202, cs, guest.va(CODE_PAGE, length)].flatMap(push);
  run(guest, [...mov, ...pushes.map((byte) => byte & 0xff), 0xcf, ...then]);
}
