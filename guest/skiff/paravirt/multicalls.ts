// Batches of hypercalls. What need not happen at once is written into a list of the processor's own,
// and the list goes to the hypervisor in one multicall: when whoever was lazy stops being so, when
// the list is full, or at once if nobody is lazy. Events are masked while a batch is open.

import { HYPERCALL, HYPERCALLS } from "../../abi/numbers.ts";
import { MulticallEntry } from "../../abi/structs.ts";
import { array, fn, for_, global, if_, local, ret, table, u32 } from "../../asm/mod.ts";
import type { Value } from "../../asm/mod.ts";
import { multicall } from "../../kernel/hypercalls.ts";
import { panic } from "../../kernel/panic.ts";
import { dec, hex, print, text } from "../../kernel/print.ts";
import { BATCH_CALLS, BATCH_WORDS } from "../cpu/cpu.ts";
import { thisCpu } from "../process/task.ts";

/** Who may be lazy. */
export const LAZY = { none: 0, mmu: 1, cpu: 2 } as const;

/** How many batches there were of each size, and how many because the list was full. */
export const batches = global("multicall_batches", array(u32, BATCH_CALLS + 1));
export const overflows = global("multicall_overflows", u32);

/** Not 0: nobody may be lazy, for those who want to know what batches are worth. */
export const unbatched = global("multicall_unbatched", u32);

/** The entry that failed last: its place in the batch, its number, its result. A check may ask for it. */
export const failure = {
  /** Not 0: a failed entry is noted and no reason to give up. */
  expected: global("multicall_failure_expected", u32),
  count: global("multicall_failures", u32),
  index: global("multicall_failed_index", u32),
  op: global("multicall_failed_op", u32),
  result: global("multicall_failed_result", u32),
};

const names = table("hypercall_names", () => {
  const all: string[] = Array(HYPERCALLS).fill("unknown");
  for (const [name, number] of Object.entries(HYPERCALL)) all[number] = name;
  return all;
});
/** The name of a hypercall by its number. */
export const hypercallName = (op: Value): Value => u32.at(op.times(4).plus(names));

/** (entry, index, count): tells which entry of a batch failed. */
const report_failure = fn("multicall_report", (at, index, count) => {
  const entry = MulticallEntry.at(at);
  failure.count.inc();
  failure.index.set(index);
  failure.op.set(entry.op);
  failure.result.set(entry.result);
  if_(failure.expected.ne(0), () => ret());
  print`\nmulticall: entry ${dec(index)} of ${dec(count)}, ${text(hypercallName(entry.op))}(${
    hex(entry.args.at(0))
  }, ${hex(entry.args.at(1))}, ${hex(entry.args.at(2))}): error ${dec(entry.result.times(-1))}\n`;
  panic("a batched hypercall failed");
});

/** Sends the batch, if there is one, and looks at every result. */
export const mc_flush = fn("mc_flush", () => {
  const cpu = thisCpu;
  const count = local(cpu.calls);
  if_(count.eq(0), () => ret());
  batches.at(count).inc();
  const first = local(cpu.entries.address);
  if_(multicall(first, count).ne(0), () => void panic("multicall is not accepted"));
  cpu.calls.set(0);
  cpu.words.set(0);
  for_(0, count, (i) => {
    const entry = local(i.times(MulticallEntry.size).plus(first));
    if_(MulticallEntry.at(entry).result.isNegative(), () => void report_failure(entry, i, count));
  });
});

/** (op, words): a new entry for a hypercall, with that many words of its own behind args[5]. */
const mc_entry = fn("mc_entry", (op, words) => {
  const cpu = thisCpu;
  if_(
    cpu.calls.ge(BATCH_CALLS).either(() => cpu.words.plus(words).gt(BATCH_WORDS)),
    () => {
      overflows.inc();
      mc_flush();
    },
  );
  const entry = local(cpu.entries.at(cpu.calls).address);
  MulticallEntry.at(entry).op.set(op);
  MulticallEntry.at(entry).args.at(5).set(cpu.arguments.at(cpu.words).address);
  cpu.calls.inc();
  cpu.words.add(words);
  ret(entry);
});

/** (mode): sends the batch, unless the caller's kind is being lazy. */
const mc_issue = fn("mc_issue", (mode) => {
  if_(thisCpu.lazy.ne(mode).either(() => unbatched.ne(0)), () => void mc_flush());
});

/**
 * Puts a hypercall into the batch.
 *
 * @param lazy who may be lazy about it (LAZY); sent at once when they are not
 * @param op its number
 * @param words how many words it points to
 * @param fill emits stores of its arguments; `own` is the address of its words
 */
export function batch(
  lazy: number,
  op: number,
  words: number,
  fill: (args: ReturnType<typeof MulticallEntry.at>["args"], own: Value) => void,
): void {
  const entry = local(mc_entry(op, words));
  const view = MulticallEntry.at(entry);
  fill(view.args, local(view.args.at(5)));
  mc_issue(lazy);
}

/** (mode): from here on `mode` is lazy. */
export const enter_lazy = fn("mc_enter_lazy", (mode) => {
  if_(thisCpu.lazy.ne(LAZY.none), () => void panic("lazy twice"));
  thisCpu.lazy.set(mode);
});

/** (mode): what was put off happens now. */
export const leave_lazy = fn("mc_leave_lazy", (mode) => {
  if_(thisCpu.lazy.ne(mode), () => void panic("not lazy"));
  thisCpu.lazy.set(LAZY.none);
  mc_flush();
});
