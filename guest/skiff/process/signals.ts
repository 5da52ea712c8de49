// Signals: what tells a process about its faults, and what ends it. A program may name a function
// for one; it runs on the program's stack with the signal's number and the faulting address, and what
// was interrupted goes on when it returns.

import { EINVAL, ESRCH } from "../../abi/errors.ts";
import { SIG } from "../../abi/linux.ts";
import { TrapFrame } from "../../abi/structs.ts";
import { fn, for_, global, if_, local, localOf, ret, struct, u32 } from "../../asm/mod.ts";
import { dec, hex, print, text } from "../../kernel/print.ts";
import { USER_CS, USER_DS } from "../../kernel/selectors.ts";
import { signalOf } from "../../kernel/signals.ts";
import { copy } from "../../kernel/strings.ts";
import { IF } from "../paravirt/ops.ts";
import { process_exit } from "./exit.ts";
import { wake_task } from "./sleep.ts";
import { current, MAX_TASKS, SIGNALS, STATE, Task, taskAt } from "./task.ts";
import { copy_from_user, copy_to_user } from "./user_memory.ts";

/** (n): a word with bit n. */
const bit = fn("bit", (n) => {
  const one = local(1);
  ret(one.shl(n));
});

/** (pid, signal): 0, or -ESRCH; what stays in the kernel takes no signals. */
export const send_signal = fn("send_signal", (pid, signal) => {
  if_(signal.ge(SIGNALS).either(() => signal.eq(0)), () => ret(-EINVAL));
  for_(0, MAX_TASKS, (i) => {
    const task = local(taskAt(i));
    const t = Task.at(task);
    if_(
      t.pid.eq(pid).both(() => t.mm.ne(0)).both(() => t.state.ne(STATE.ended)),
      () => {
        t.pending.setBits(bit(signal));
        if_(t.state.eq(STATE.asleep), () => void wake_task(task));
        ret(0);
      },
    );
  });
  ret(-ESRCH);
});
/** What a handler finds on its stack. */
const SignalFrame = struct("signal_frame", {
  /** Its return address: the user function that asks for `signal_return`. */
  back: u32,
  signal: u32,
  fault: u32,
  /** What was interrupted. */
  saved: TrapFrame,
});

/** (frame, signal): has the handler run when the program goes on; negative if its stack is bad. */
const enter_handler = fn("enter_handler", (frame, signal) => {
  const f = TrapFrame.at(frame);
  const sf = localOf(SignalFrame);
  sf.back.set(current.signal_back);
  sf.signal.set(signal);
  sf.fault.set(current.fault_address);
  copy(sf.saved.address, frame, TrapFrame.size);
  const at = local(f.esp.minus(SignalFrame.size).and(-4));
  if_(copy_to_user(at, sf.address, SignalFrame.size).ne(0), () => ret(-1));
  f.esp.set(at);
  f.eip.set(current.handlers.at(signal));
  ret(0);
});

/** (frame): a handler has returned: what it interrupted goes on, in ring 3 whatever it wrote there. */
export const signal_return = fn("signal_return", (frame) => {
  const f = TrapFrame.at(frame);
  const saved = localOf(TrapFrame);
  const from = local(f.esp.minus(4).plus(SignalFrame.offsets.saved));
  if_(copy_from_user(saved.address, from, TrapFrame.size).ne(0), () => {
    process_exit(128 + SIG.segv);
  });
  copy(frame, saved.address, TrapFrame.size);
  f.cs.set(USER_CS);
  f.ss.set(USER_DS);
  f.eflags.set(f.eflags.and(USER_FLAGS).or(IF));
  ret(f.eax);
});
/** Flags that are a program's own: CF PF AF ZF SF TF DF OF AC. */
const USER_FLAGS = 0x40dd5 | 0x100;

/** Not 0: programs that fault do so because a check asked for it. */
export const silent = global("faults_silent", u32);

/** (signal): tells why a program ends that did what it may not. */
const report_fault = fn("report_fault", (signal) => {
  if_(silent.ne(0), () => ret());
  print`[${dec(current.pid)} ${text(current.name.address)}: signal ${dec(signal)}, eip ${
    hex(current.fault_eip)
  }, address ${hex(current.fault_address)}]\n`;
});

/** (frame): takes the signals that have come for the task that runs. */
export const take_signals = fn("take_signals", (frame) => {
  for_(1, SIGNALS, (signal) => {
    const mine = local(bit(signal));
    if_(current.pending.and(mine).ne(0), () => {
      current.pending.set(current.pending.and(mine.xor(-1)));
      const handled = local(0);
      if_(current.handlers.at(signal).ne(0), () => {
        handled.set(enter_handler(frame, signal).plus(1));
      });
      if_(handled.eq(0), () => {
        if_(current.fault_eip.ne(0), () => void report_fault(signal));
        process_exit(signal.plus(128));
      });
      current.fault_eip.set(0);
    });
  });
});

/** (frame, vector, address): the program did what it may not. */
export const fault_signal = fn("fault_signal", (frame, vector, address) => {
  current.fault_eip.set(TrapFrame.at(frame).eip);
  current.fault_address.set(address);
  send_signal(current.pid, signalOf(vector));
});
