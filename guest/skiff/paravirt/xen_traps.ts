// Gates to trap table: the kernel keeps an interrupt descriptor table as the processor would have it,
// and the hypervisor is told what it means.

import { TrapInfo } from "../../abi/structs.ts";
import { array, fn, for_, global, if_, local, localOf, ret, u32 } from "../../asm/mod.ts";
import { set_trap_table } from "../../kernel/hypercalls.ts";

const GATES = 256;
/** The list as it was last made, ended by an entry without address; other vCPUs start with it. */
export const trapList = global("xen_trap_list", array(TrapInfo, GATES + 1));
const loadedIdt = global("xen_loaded_idt", u32);

/** A gate's type nibble for an interrupt gate, which enters with interrupts off. */
const INTERRUPT_GATE = 0xe;
/** Flags of a trap table entry: DPL, and whether events are masked on the way in. */
const MASK_EVENTS = 4;

/** (gate, vector, entry): translates one gate; 0 if it is not present. */
const convert_gate = fn("xen_convert_gate", (gate, vector, entry) => {
  const low = local(u32.at(gate)), high = local(u32.at(gate.plus(4)));
  if_(high.and(0x8000).eq(0), () => ret(0));
  const info = TrapInfo.at(entry);
  info.vector.set(vector);
  const flags = local(high.shr(13).and(3));
  if_(high.shr(8).and(0x1f).eq(INTERRUPT_GATE), () => flags.setBits(MASK_EVENTS));
  info.flags.set(flags);
  info.cs.set(low.shr(16));
  info.eip.set(low.and(0xffff).or(high.and(0xffff0000)));
  ret(1);
});

/** (table): all of it at once. */
export const xen_load_idt = fn("xen_load_idt", (idt) => {
  const entries = local(0);
  for_(0, GATES, (vector) => {
    entries.add(convert_gate(idt.plus(vector.times(8)), vector, trapList.at(entries).address));
  });
  trapList.at(entries).eip.set(0);
  loadedIdt.set(idt);
  ret(set_trap_table(trapList.address));
});

/** (gate, low, high): one gate; the hypervisor hears of it if the table is the one in use. */
export const xen_write_idt_entry = fn("xen_write_idt_entry", (gate, low, high) => {
  u32.at(gate).set(low);
  u32.at(gate.plus(4)).set(high);
  const vector = local(gate.minus(loadedIdt).shr(3));
  if_(loadedIdt.eq(0).either(() => vector.ge(GATES)), () => ret(0));
  const two = localOf(array(TrapInfo, 2));
  if_(convert_gate(gate, vector, two.at(0).address).eq(0), () => ret(0));
  two.at(1).eip.set(0);
  ret(set_trap_table(two.address));
});
