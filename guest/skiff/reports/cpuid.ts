// cpuid

import { array, fn, for_, local, localOf, table, u32 } from "../../asm/mod.ts";
import { hex, print } from "../../kernel/print.ts";
import { pvCpu } from "../paravirt/ops.ts";

const LEAVES = [0, 1, 2, 5, 7, 0xb, 0x40000000, 0x40000001, 0x40000002, 0x80000000, 0x80000001];
const leaves = table("cpuid_leaves", () => LEAVES);

export const show_cpuid = fn("show_cpuid", (_argument) => {
  const words = localOf(array(u32, 4));
  for_(0, LEAVES.length, (i) => {
    const leaf = local(u32.at(i.times(4).plus(leaves)));
    pvCpu.call.cpuid(leaf, 0, words.address);
    print`${hex(leaf)}: ${hex(words.at(0))} ${hex(words.at(1))} ${hex(words.at(2))} ${
      hex(words.at(3))
    }\n`;
  });
});
