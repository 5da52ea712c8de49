// A task: a process, or the idle loop of a processor. It lies at the bottom of its own kernel stack,
// so that the stack pointer says which task runs.

import { array, esp, global, padding, struct, u32, u64, u8, Value } from "../../asm/mod.ts";
import type { Given, Type } from "../../asm/mod.ts";
import { Cpu, MAX_CPUS } from "../cpu/cpu.ts";

/** Size of a kernel stack with its task; stacks are aligned to it. */
export const STACK = 8192;
export const MAX_TASKS = 32;
export const MAX_FILES = 8;
export const SIGNALS = 16;

const aligned = <V>(type: Type<V>, alignment: number): Type<V> => ({ ...type, alignment });

export const Task = struct("task", {
  /** The processor it runs on or ran last (a Cpu). */
  cpu: u32,
  /** Its number; 0 for idle tasks and slots nobody uses. */
  pid: u32,
  state: u32,
  /** The task that waits for its end. */
  parent: u32,
  /** Its address space (an Mm); 0 for kernel threads. */
  mm: u32,
  /** Its kernel stack pointer while it does not run. */
  esp: u32,
  /** What it sleeps for: an address that a wake-up names. */
  channel: u32,
  /** System time at which it wakes whatever happens, ns; 0 for never. */
  wake_at: u64,
  /** Exit status, as 128 + signal if one ended it. */
  status: u32,
  /** Bits of signals that have come and are not taken yet. */
  pending: u32,
  /** Address and EIP of the last fault, for whom it may concern. */
  fault_address: u32,
  fault_eip: u32,
  /** Whether the FPU holds its registers now, and whether `fpu` ever did. */
  fpu_live: u32,
  fpu_used: u32,
  /** Its thread-local segment. */
  tls_low: u32,
  tls_high: u32,
  /** Timer ticks it was found running. */
  ticks: u32,
  name: array(u8, 16),
  /** User functions that take a signal, 0 for the end. */
  handlers: array(u32, SIGNALS),
  /** The user function that a handler returns to. */
  signal_back: u32,
  /** Open files: 0 closed, else see files.ts. */
  files: array(u32, MAX_FILES),
  fpu: aligned(array(u8, 512), 16),
});

export const STATE = {
  free: 0,
  starting: 1,
  runnable: 2,
  running: 3,
  asleep: 4,
  ended: 5,
} as const;
export const STATE_NAMES = ["free", "starting", "runnable", "running", "asleep", "ended"];

const stacks = array(padding(STACK), MAX_CPUS + MAX_TASKS);
const taskStacks = global("task_stacks", aligned(stacks, STACK));

/** The idle task of a processor, as an address. */
export const idleTask = (cpu: Given): Value => taskStacks.at(cpu).address;
/** A process's slot, as an address. */
export const taskAt = (i: Given): Value => taskStacks.at(i).address.plus(STACK * MAX_CPUS);
/** The first address above a task's stack. */
export const stackTop = (task: Given): Value => Task.at(task).address.plus(STACK);

/** The task that runs. */
export const current = Task.at(new Value({ kind: "register", reg: esp }).and(-STACK));
/** The processor it runs on. */
export const thisCpu = Cpu.at(current.cpu);
