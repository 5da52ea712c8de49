// A guest that uses all its vCPUs. vCPU 0 starts the others and sleeps while they count; then it
// calls each of them by an IPI, over and over, and they answer; at last they go down, and it says
// what each of them did.

import { EVTCHNOP, FLAT, SCHEDOP, SHUTDOWN, VCPUOP } from "../abi/numbers.ts";
import { BindIpi, RunstateInfo, SchedPoll, VcpuGuestContext } from "../abi/structs.ts";
import {
  addressOf,
  array,
  asm,
  break_,
  code,
  ebx,
  fn,
  for_,
  forever,
  global,
  if_,
  local,
  localOf,
  pages,
  ret,
  u32,
  while_,
} from "../asm/mod.ts";
import type { Given } from "../asm/mod.ts";
import { take_bit } from "../kernel/events.ts";
import { event_channel_op, sched_op, vcpu_op } from "../kernel/hypercalls.ts";
import { mfn_of } from "../kernel/memory.ts";
import { panic, shutdown } from "../kernel/panic.ts";
import { dec, hex, print } from "../kernel/print.ts";
import { early_init } from "../kernel/setup.ts";
import { sharedInfo, startInfo } from "../kernel/state.ts";
import { deadlineIn } from "../kernel/time.ts";

/** vcpu_guest_context: it is a kernel's. */
const VGCF_IN_KERNEL = 4;
const MOST = 32;
/** How long they count, in ns. */
const COUNTING = 200_000_000;
/** How often each is called. */
const CALLS = 50;

const words = (name: string) => global(name, array(u32, MOST));
const counted = words("counted"), answered = words("answered"), ports = words("ports");
const stacks = pages("crew_stacks", MOST);
const context = VcpuGuestContext.at(pages("crew_context", 1));
/** 0: they count; 1: they wait for calls; 2: the next call is the last. */
const stage = global("stage", u32);

const send = (port: Given) => {
  const argument = local(port);
  event_channel_op(EVTCHNOP.send, argument.address);
};

/** (port): sleeps until it is pending, and takes that. */
const wait_for = fn("wait_for", (port) => {
  const poll = localOf(SchedPoll);
  poll.ports.set(port.address);
  poll.nr_ports.set(1);
  poll.timeout.set(0, 0);
  const pending = () => take_bit(sharedInfo.evtchn_pending.at(port.shr(5)).address, port.and(31));
  while_(() => pending().eq(0), () => void sched_op(SCHEDOP.poll, poll.address));
});

const member = fn("crew_member", (number) => {
  const mine = counted.at(number);
  while_(() => stage.eq(0), () => mine.inc());
  forever(() => {
    wait_for(ports.at(number));
    answered.at(number).inc();
    if_(stage.eq(2), () => void vcpu_op(VCPUOP.down, number, 0));
    send(ports.at(0));
  });
});

/** Where the others start, their number in EBX. */
const member_start = code("crew_start", () => {
  asm.cld();
  asm.push(ebx);
  asm.call(member);
});

/** A port that calls a vCPU. */
const bind_ipi = fn("bind_ipi", (number) => {
  const op = localOf(BindIpi);
  op.vcpu.set(number);
  if_(event_channel_op(EVTCHNOP.bind_ipi, op.address).isNegative(), () => void panic("no IPI"));
  ports.at(number).set(op.port);
});

const start_member = fn("start_member", (number) => {
  const regs = context.user_regs;
  const stack = local(stacks.plus(4096).plus(number.shl(12)));
  context.flags.set(VGCF_IN_KERNEL);
  regs.ebx.set(number);
  regs.eip.set(addressOf(member_start));
  regs.cs.set(FLAT.ring1_cs);
  regs.eflags.set(0x1200);
  regs.esp.set(stack);
  for (const s of [regs.ss, regs.ds, regs.es]) s.set(FLAT.ring1_ds);
  context.kernel_ss.set(FLAT.ring1_ds);
  context.kernel_sp.set(stack);
  const table = local(mfn_of(startInfo.pt_base));
  context.ctrlreg.at(3).set(table.shl(12).or(table.shr(20)));
  if_(
    vcpu_op(VCPUOP.initialise, number, context.address).ne(0),
    () => void panic("a vCPU is not accepted"),
  );
  if_(vcpu_op(VCPUOP.up, number, 0).ne(0), () => void panic("a vCPU does not come up"));
});

/** Sleeps so many ns. */
const sleep = fn("sleep", (nanoseconds) => {
  const poll = localOf(SchedPoll);
  poll.ports.set(0);
  poll.nr_ports.set(0);
  deadlineIn(nanoseconds, poll.timeout.address);
  sched_op(SCHEDOP.poll, poll.address);
});

/** Calls each of them, and waits until all have answered `times` calls. */
const call_all = fn("call_all", (size, times) => {
  for_(1, size, (n) => send(ports.at(n)));
  forever(() => {
    const missing = local(0);
    for_(1, size, (n) => missing.add(answered.at(n).ne(times)));
    if_(missing.eq(0), () => break_());
    wait_for(ports.at(0));
  });
});

const report = fn("crew_report", (number) => {
  const runstate = localOf(RunstateInfo);
  vcpu_op(VCPUOP.get_runstate_info, number, runstate.address);
  const ran = runstate.time.at(0);
  print`vcpu ${dec(number)} counted ${dec(counted.at(number))} answered ${
    dec(answered.at(number))
  } ran ${hex(ran.high)}${hex(ran.low)}\n`;
});

export const crew_main = fn("crew", () => {
  early_init();
  const size = local(1);
  while_(() => vcpu_op(VCPUOP.is_up, size, 0).isNegative().not(), () => size.inc());
  print`crew of ${dec(size)}\n`;
  for_(0, size, (n) => void bind_ipi(n));
  for_(1, size, (n) => void start_member(n));
  sleep(COUNTING);
  stage.set(1);
  for_(1, CALLS, (times) => void call_all(size, times));
  stage.set(2);
  for_(1, size, (n) => send(ports.at(n)));
  for_(1, size, (n) => {
    while_(() => vcpu_op(VCPUOP.is_up, n, 0).ne(0), () => void sleep(100_000));
  });
  for_(1, size, (n) => void report(n));
  shutdown(SHUTDOWN.poweroff);
  ret();
});
