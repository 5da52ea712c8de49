/** A guest with a kernel's tables, and handlers that each go round for ever: who arrives where, on what stack. */
import assert from "node:assert/strict";
import { type Guest, Rig } from "../hypercalls/rig.ts";
import { loadSelectors, park, registers, run, spot, tables } from "./selectors.ts";

export const KCS = 0xe019, KDS = 0xe021, UCS = 0xe02b, UDS = 0xe033;
export const HC = {
  trapTable: 0,
  mmuUpdate: 1,
  setGdt: 2,
  stackSwitch: 3,
  callbacks: 4,
  fpu: 5,
  setDebugreg: 8,
  getDebugreg: 9,
  updateDescriptor: 10,
  multicall: 13,
  updateVa: 14,
  version: 17,
  assist: 21,
  iret: 23,
  vcpu: 24,
  mmuext: 26,
  nmi: 28,
  sched: 29,
  callback: 30,
  event: 32,
};
/** Pages: the selectors' code, a page for data that user mode may use too, the kernel's stack below 31. */
export const CODE = 22, DATA = 40, STACK = 31;
/** The spot that the event callback is. */
export const UPCALL = 60;

export type Handler = [vector: number, address: number, flags?: number, cs?: number];

/** Bytes of a number, lowest first. */
export const imm = (n: number): number[] => [n, n >>> 8, n >>> 16, n >>> 24].map((b) => b & 0xff);
/** Pushes words, the first one ending up lowest. */
export const push = (...words: number[]): number[] =>
  words.toReversed().flatMap((w) => [0x68, ...imm(w)]);
/** The code of a hypercall without arguments. */
export const hypercall = (nr: number): number[] => [0xb8, ...imm(nr), 0xcd, 0x82];

/** A guest that runs, its handlers of 0 to 31 at the spots of those numbers, its stack for entries from user mode set. */
export async function kernel({ vcpus = 1, options = 0 } = {}) {
  const rig = await Rig.create(1);
  const guest = rig.addGuest({ vcpus, options });
  park(guest.enter());
  const table = tables(guest);
  const data = guest.mfns[DATA];
  assert.equal(guest.call(HC.updateVa, guest.va(DATA), data << 12 | 0x67, data >>> 20, 2), 0);
  const handlers = (...list: Handler[]) => {
    const words = list.flatMap((
      [v, address, flags = 0, cs = KCS],
    ) => [v | flags << 8 | cs << 16, address]);
    assert.equal(guest.call(HC.trapTable, guest.write(guest.va(30), ...words, 0, 0)), 0);
  };
  handlers(...Array.from({ length: 32 }, (_, v): Handler => [v, spot(guest, v)]));
  guest.call(HC.stackSwitch, KDS, guest.va(STACK));
  guest.call(HC.callbacks, KCS, spot(guest, UPCALL), KCS, 0);
  return {
    rig,
    guest,
    table,
    handlers,
    /** Words from ESP up. */
    frame: (words: number) => {
      const { esp } = registers(guest);
      return Array.from({ length: words }, (_, n) => guest.read(esp + n * 4) >>> 0);
    },
    /** Runs code of the kernel with flat segments and a stack. */
    inKernel: (code: number[], esp = guest.va(25)) => {
      const flat = { ds: KDS, es: KDS, fs: 0, gs: 0 };
      loadSelectors(guest, flat, { cs: KCS, ss: KDS, esp }, code);
    },
    /** Runs code of an outer ring on a stack in DATA; its first byte's address. */
    inUser: (code: number[], cs = UCS, ss = UDS): number => {
      const flat = { ds: UDS, es: UDS, fs: 0, gs: 0 };
      loadSelectors(guest, flat, { cs, ss, esp: guest.va(DATA, 0x800) }, code);
      return guest.va(CODE, 8 + 26); // what loadSelectors puts before
    },
    /** Runs code for some slices, whatever becomes of the domain. */
    toTheEnd: (code: number[]) => {
      park(guest, code);
      rig.inside.slice_end();
      for (let n = 0; n < 60; n++) rig.core.exports.machine_run(0n, 1000);
    },
  };
}

/** An event of the guest's own, pending and masked; it comes as soon as the mask byte is 0. */
export function pendEvent(guest: Guest): void {
  guest.setSharedByte(1, 1);
  assert.equal(guest.call(HC.event, 7, guest.write(guest.va(30), 0, 0)), 0);
  const port = guest.read(guest.va(30, 4));
  assert.equal(guest.call(HC.event, 4, guest.write(guest.va(30), port)), 0);
}

/** Sends the running vCPU an NMI. */
export function sendNmi(guest: Guest): void {
  assert.equal(guest.call(HC.vcpu, 11, 0, 0), 0);
}

export { registers, run, spot };
