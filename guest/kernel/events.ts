// Event channels: the two-level bitmap, the upcall, and waiting (§9.2, §9.4).

import { CALLBACKOP, CALLBACKTYPE, EVTCHNOP, SCHEDOP } from "../abi/numbers.ts";
import { BindIpi, BindVirq, CallbackRegister, SchedPoll, type VcpuInfo } from "../abi/structs.ts";
import {
  addressOf,
  array,
  asm,
  break_,
  callPointer,
  code,
  continue_,
  dword,
  eax,
  ecx,
  edx,
  esp,
  fn,
  for_,
  forever,
  global,
  if_,
  local,
  localOf,
  raw,
  ret,
  u32,
  while_,
} from "../asm/mod.ts";
import type { Callable, Given, Place, Value } from "../asm/mod.ts";
import { callback_op, event_channel_op, sched_op, xen_version } from "./hypercalls.ts";
import { sharedInfo, vcpu } from "./state.ts";

const PORTS = 1024;
/** The function to call for each port. */
const handlers = global("event_handlers", array(u32, PORTS));
/** How often the upcall was entered, for those who want to see it work. */
export const upcalls = global("upcalls", u32);

/** (word address, bit): clears a bit in one locked step; 1 if it was set. */
export const take_bit = code("take_bit", () => {
  asm.mov(ecx, dword(esp, 4));
  asm.mov(edx, dword(esp, 8));
  asm.xor(eax, eax);
  lock(() => asm.btr(dword(ecx), edx));
  asm.adc(eax, 0);
  asm.ret();
});
/** (word address, bit): sets a bit in one locked step. */
const put_bit = code("put_bit", () => {
  asm.mov(ecx, dword(esp, 4));
  asm.mov(edx, dword(esp, 8));
  lock(() => asm.bts(dword(ecx), edx));
  asm.ret();
});
/** (address): the word there, replaced by zero in one step. */
const take_word = code("take_word", () => {
  asm.mov(ecx, dword(esp, 4));
  asm.xor(eax, eax);
  asm.xchg(dword(ecx), eax);
  asm.ret();
});
/** (word): the number of its lowest set bit. */
const lowest_bit = code("lowest_bit", () => {
  asm.bsf(eax, dword(esp, 4));
  asm.ret();
});

/** Emits one instruction with the LOCK prefix. */
function lock(body: () => void): void {
  raw(0xf0);
  body();
}

/** (word of the bitmap, ports of it that are ours): handles what is pending there and open. */
const handle_word = fn("handle_event_word", (w, ours) => {
  const first = local(w.times(32));
  const pending = sharedInfo.evtchn_pending.at(w), mask = sharedInfo.evtchn_mask.at(w);
  forever(() => {
    const open = local(pending.and(mask.xor(-1)).and(ours));
    if_(open.eq(0), () => break_());
    const b = local(lowest_bit(open));
    // Another vCPU may have taken the bit meanwhile: then it handles the event.
    if_(take_bit(pending.address, b).eq(0), () => continue_());
    const handler = local(handlers.at(first.plus(b)));
    if_(handler.ne(0), () => void callPointer(handler, first.plus(b)));
  });
});

/**
 * The function that handles every event pending for a vCPU. It runs with events masked.
 *
 * @param count counts its calls
 * @param ours which ports of a word of the bitmap are this vCPU's: others' lie in the same words
 */
export const upcallOf = (
  name: string,
  vcpu: ReturnType<typeof VcpuInfo.at>,
  count: Place,
  ours: (word: Place) => Given,
) =>
  fn(name, () => {
    count.inc();
    while_(() => vcpu.evtchn_upcall_pending.ne(0), () => {
      vcpu.evtchn_upcall_pending.set(0);
      const words = local(take_word(vcpu.evtchn_pending_sel.address));
      while_(() => words.ne(0), () => {
        const w = local(lowest_bit(words));
        words.set(words.and(words.minus(1)));
        handle_word(w, ours(w));
      });
    });
  });

/** The same for the first vCPU. */
export const do_upcall = upcallOf("do_upcall", vcpu, upcalls, () => -1);

/** Keeps every port quiet until it has a handler. */
export const events_init = fn("events_init", () => {
  for_(0, 32, (i) => sharedInfo.evtchn_mask.at(i).set(-1));
});

/** Sets the function for a port and opens the port. */
export const bind_handler = fn("bind_handler", (port, handler) => {
  handlers.at(port).set(handler);
  const unmask = local(port);
  event_channel_op(EVTCHNOP.unmask, unmask.address);
});

/** Closes a port to upcalls, its bits left as they are. */
export const mask_port = fn("mask_port", (port) => {
  put_bit(sharedInfo.evtchn_mask.at(port.shr(5)).address, port.and(31));
});

/** (virq, vcpu, handler): binds a vCPU's virtual interrupt; the port, or a negative errno. */
export const bind_virq = fn("bind_virq", (virq, vcpu, handler) => {
  const op = localOf(BindVirq);
  op.virq.set(virq);
  op.vcpu.set(vcpu);
  const result = local(event_channel_op(EVTCHNOP.bind_virq, op.address));
  if_(result.isNegative(), () => ret(result));
  bind_handler(op.port, handler);
  ret(op.port);
});

/** (vcpu, handler): a port by which other vCPUs interrupt this one, or a negative errno. */
export const bind_ipi = fn("bind_ipi", (vcpu, handler) => {
  const op = localOf(BindIpi);
  op.vcpu.set(vcpu);
  const result = local(event_channel_op(EVTCHNOP.bind_ipi, op.address));
  if_(result.isNegative(), () => ret(result));
  bind_handler(op.port, handler);
  ret(op.port);
});

/** (port): an event to whoever is at the other end of a port. */
export const send_event = fn("send_event", (port) => {
  const op = local(port);
  ret(event_channel_op(EVTCHNOP.send, op.address));
});

/** Tells Xen where upcalls and failed segment loads go. */
export function registerCallbacks(cs: Given, upcall: Callable, failsafe: Callable): Value {
  const op = localOf(CallbackRegister);
  const failed = local(0);
  for (
    const [type, entry] of [[CALLBACKTYPE.event, upcall], [
      CALLBACKTYPE.failsafe,
      failsafe,
    ]] as const
  ) {
    op.type.set(type);
    op.flags.set(0);
    op.cs.set(cs);
    op.eip.set(addressOf(entry.label));
    failed.setBits(callback_op(CALLBACKOP.register, op.address));
  }
  return failed;
}

/** Forbids upcalls; what cli is on bare hardware. */
export function eventsOff(): void {
  vcpu.evtchn_upcall_mask.set(1);
}

/** Allows upcalls, and takes those that came meanwhile: any hypercall delivers them. */
export const events_on = fn("events_on", () => {
  vcpu.evtchn_upcall_mask.set(0);
  if_(vcpu.evtchn_upcall_pending.ne(0), () => void xen_version(0, 0));
});

/**
 * Sleeps until the condition holds, which an event on a port says, whether events are on or not: the
 * port is masked, so nobody else takes its bit, and SCHEDOP_poll wakes for it. The bit is taken before
 * the test, so an event after it is not lost.
 */
export function waitForPort(port: Given, condition: () => Value): void {
  if_(condition().not(), () => {
    const p = local(port);
    const poll = localOf(SchedPoll);
    mask_port(p);
    forever(() => {
      take_bit(sharedInfo.evtchn_pending.at(p.shr(5)).address, p.and(31));
      if_(condition(), () => break_());
      poll.ports.set(p.address);
      poll.nr_ports.set(1);
      poll.timeout.set(0, 0);
      sched_op(SCHEDOP.poll, poll.address);
    });
    event_channel_op(EVTCHNOP.unmask, p.address);
  });
}

/**
 * Sleeps until the condition holds. It is tested with upcalls off, and SCHEDOP_block turns them on
 * and sleeps in one step, so an event between test and sleep is not lost.
 */
export function waitUntil(condition: () => Value | Place): void {
  forever(() => {
    eventsOff();
    if_(condition(), () => break_());
    sched_op(SCHEDOP.block, 0);
  });
  events_on();
}
