// ps and maps

import { PTE } from "../../abi/numbers.ts";
import { fn, for_, if_, local, ret, table, u32 } from "../../asm/mod.ts";
import type { Value } from "../../asm/mod.ts";
import { dec, hex, print, text } from "../../kernel/print.ts";
import { Cpu } from "../cpu/cpu.ts";
import {
  AREA,
  AREA_NAMES,
  eachPresent,
  eachTable,
  MAX_AREAS,
  Mm,
} from "../memory/address_space.ts";
import { current, MAX_TASKS, STATE, STATE_NAMES, Task, taskAt } from "../process/task.ts";

const stateNames = table("state_names", () => STATE_NAMES);
const areaNames = table("area_names", () => AREA_NAMES);
const named = (names: Value, n: Value) => u32.at(n.times(4).plus(names));

/** (mm): how many pages it maps. */
const pages_of = fn("pages_of", (mm) => {
  const pages = local(0);
  if_(mm.eq(0), () => ret(0));
  eachTable(mm, (t) => {
    eachPresent(t, () => pages.inc());
  });
  ret(pages);
});

export const show_tasks = fn("show_tasks", (_argument) => {
  print`pid state cpu pages ticks name\n`;
  for_(0, MAX_TASKS, (i) => {
    const t = Task.at(taskAt(i));
    if_(t.state.ne(STATE.free), () => {
      print`${dec(t.pid)} ${text(named(stateNames, t.state))} ${dec(Cpu.at(t.cpu).index)} ${
        dec(pages_of(t.mm))
      } ${dec(t.ticks)} ${text(t.name.address)}\n`;
    });
  });
});

/** (pid, 0 for whoever asks) */
export const show_areas = fn("show_areas", (pid) => {
  if_(pid.eq(0), () => pid.set(current.pid));
  for_(0, MAX_TASKS, (i) => {
    const t = Task.at(taskAt(i));
    if_(t.pid.eq(pid).both(() => t.state.ne(STATE.free)).both(() => t.mm.ne(0)), () => {
      const mm = Mm.at(local(t.mm));
      for_(0, MAX_AREAS, (n) => {
        const area = mm.areas.at(n);
        if_(area.kind.ne(AREA.none), () => {
          print`${hex(area.start)}-${hex(area.end)} r`;
          if_(area.rights.and(PTE.write).ne(0), () => print`w`, () => print`-`);
          if_(area.rights.isNegative(), () => print`-`, () => print`x`);
          print` ${text(named(areaNames, area.kind))}\n`;
        });
      });
      print`${dec(pages_of(t.mm))} pages mapped\n`;
    });
  });
});
