// Segmentation: GDT, LDT, thread-local storage.

import { EFAULT } from "../../abi/errors.ts";
import {
  array,
  asm,
  bind,
  code,
  dword,
  eax,
  ecx,
  esp,
  fn,
  fs,
  global,
  Label,
  local,
  ret,
  u32,
} from "../../asm/mod.ts";
import { onFault } from "../../kernel/fixups.ts";
import { update_descriptor } from "../../kernel/hypercalls.ts";
import { mfn_of, poke } from "../../kernel/memory.ts";
import { DATA1, DATA3, FLAT_LOW, KERNEL_CS, KERNEL_DS } from "../../kernel/selectors.ts";
import { basedWords, SPARE, SPARE_ENTRY } from "../cpu/gdt.ts";
import { need_page, put_page } from "../memory/pages.ts";
import { pvCpu } from "../paravirt/ops.ts";
import { thisCpu } from "../process/task.ts";
import { subject } from "./check.ts";
import { runs_well } from "./program.ts";

const words = global("check_words", array(u32, 2));

/** (selector): the first word of a segment, or -EFAULT. */
const read_through = code("check_read_through", () => {
  const load = new Label("load"), read = new Label("read");
  const bad = new Label("bad"), done = new Label("done");
  asm.mov(ecx, dword(esp, 4));
  bind(load);
  asm.mov(fs, ecx);
  bind(read);
  asm.mov(eax, dword(0).via(fs));
  asm.jmp(done);
  bind(bad);
  asm.mov(eax, -EFAULT);
  bind(done);
  asm.mov(ecx, KERNEL_DS);
  asm.mov(fs, ecx);
  asm.ret();
  onFault(load, bad);
  onFault(read, bad);
});

/** (low, high): puts a descriptor into the GDT without a batch around it; the result. */
const put_descriptor = fn("check_put_descriptor", (low, high) => {
  const entry = local(thisCpu.gdt.plus(SPARE_ENTRY * 8));
  const mfn = local(mfn_of(entry));
  ret(update_descriptor(mfn.shl(12).or(entry.and(0xfff)), mfn.shr(20), low, high));
});

/** An LDT's first entry, as a selector of ring 1. */
const LDT_FIRST = 4 | 1;

export const check_segments = subject("segmentation", (check) => {
  const gdt = local(thisCpu.gdt);
  check("the GDT cannot be written to", poke(gdt).eq(-EFAULT));
  check("the kernel runs in ring 1", u32.at(gdt.plus((KERNEL_CS & ~7) + 4)).shr(13).and(3).eq(1));
  words.at(0).set(0x5eed);
  words.at(1).set(0xcafe);
  const entry = local(gdt.plus(SPARE_ENTRY * 8));
  const first = basedWords(words.address, DATA1);
  pvCpu.call.write_gdt_entry(entry, first.low, first.high);
  const before = local(read_through(SPARE));
  const second = basedWords(words.address.plus(4), DATA1);
  pvCpu.call.write_gdt_entry(entry, second.low, second.high);
  check(
    "update_descriptor moves a segment",
    before.eq(0x5eed).both(() => read_through(SPARE).eq(0xcafe)),
  );
  // Type 9 is a task state segment.
  check("system descriptors are refused", put_descriptor(0x67, 0x00008900).isNegative());
  check(
    "a segment of ring 0 becomes one of ring 1",
    put_descriptor(FLAT_LOW, 0x00cf9300).eq(0).both(() =>
      u32.at(entry.plus(4)).shr(13).and(3).eq(1)
    ),
  );
  put_descriptor(0, 0);

  const ldt = local(need_page());
  const third = basedWords(words.address, DATA3);
  u32.at(ldt).set(third.low);
  u32.at(ldt.plus(4)).set(third.high);
  pvCpu.call.alloc_ldt(ldt);
  check("set_ldt", pvCpu.call.set_ldt(ldt, 1).eq(0));
  check("a segment of the LDT", read_through(LDT_FIRST).eq(0x5eed));
  const fourth = basedWords(words.address.plus(4), DATA3);
  pvCpu.call.write_ldt_entry(ldt, fourth.low, fourth.high);
  check("an entry of the LDT is changed", read_through(LDT_FIRST).eq(0xcafe));
  check("the LDT cannot be written to", poke(ldt).eq(-EFAULT));
  pvCpu.call.set_ldt(0, 0);
  pvCpu.call.free_ldt(ldt);
  check("without it, its page can", poke(ldt).eq(0));
  put_page(ldt);
  check("each process has its own thread-local segment", runs_well("probe-tls"));
});
