// Self-checks: each mechanism used once, with a line that says whether it did what it should.

import {
  EFAULT,
  ENOSYS,
  HYPERCALL,
  MACH2PHYS,
  PTE,
  VCPUOP,
  VIRQ,
  VIRT_BASE,
  XENVER,
} from "../abi/numbers.ts";
import { MulticallEntry } from "../abi/structs.ts";
import {
  addressOf,
  array,
  asm,
  code,
  eax,
  ebx,
  fn,
  global,
  if_,
  local,
  localOf,
  pages,
  raw,
  ret,
  u32,
} from "../asm/mod.ts";
import { bind_virq, upcalls, waitUntil } from "./events.ts";
import { multicall, vcpu_op } from "./hypercalls.ts";
import { KERNEL_DEMAND } from "./layout.ts";
import {
  make_tables,
  map_frame,
  mfn_of,
  p2m_agrees,
  peek,
  peeked,
  poke,
  set_rights,
} from "./memory.ts";
import { dec, print, text } from "./print.ts";
import { caller, intruder, mapReader, visitor } from "./programs.ts";
import { read_tls, set_tls } from "./segments.ts";
import { startInfo } from "./state.ts";
import { set_timer_in } from "./time.ts";
import { demandFaults } from "./traps.ts";
import { run_user } from "./user.ts";
import { payload, store_read } from "./xenstore.ts";

const passed = global("checks_passed", u32), failed = global("checks_failed", u32);

/** (what, whether): prints and counts one check. */
const check = fn("check", (what, good) => {
  if_(good, () => {
    passed.inc();
    print`  ok   ${text(what)}\n`;
  }, () => {
    failed.inc();
    print`  FAIL ${text(what)}\n`;
  });
});

const spare = pages("spare_page", 1);

const check_memory = fn("check_memory", () => {
  check("P2M and M2P agree", p2m_agrees(7));
  const unreadable = local(peek(mfn_of(VIRT_BASE + 0x1000).times(4).plus(MACH2PHYS)));
  check("the image's second page is pfn 1", unreadable.eq(0).both(() => peeked.eq(1)));
  check("page tables are read-only", poke(startInfo.pt_base).eq(-EFAULT));
  const writable = local(map_frame(spare, mfn_of(startInfo.pt_base), PTE.kernel));
  check("no writable mapping of a page table", writable.isNegative());

  set_rights(spare, PTE.readonly);
  const refused = local(poke(spare));
  set_rights(spare, PTE.kernel);
  check(
    "a page made read-only and writable again",
    refused.eq(-EFAULT).both(() => poke(spare).eq(0)),
  );

  make_tables(KERNEL_DEMAND);
  const before = local(demandFaults);
  const cell = u32.at(KERNEL_DEMAND + 0x10);
  cell.set(77);
  check("a page fault brings a page", cell.eq(77).both(() => demandFaults.eq(before.plus(1))));
});

/** EBX of CPUID leaf 0x40000000, by the prefix that asks the hypervisor and not the processor. */
const hypervisor_leaf = code("hypervisor_leaf", () => {
  asm.push(ebx);
  asm.mov(eax, 0x40000000);
  raw(0x0f, 0x0b, ...new TextEncoder().encode("xen"));
  asm.cpuid();
  asm.mov(eax, ebx);
  asm.pop(ebx);
  asm.ret();
});

const tlsWord = global("tls_word", u32);

const check_processor = fn("check_processor", () => {
  check("CPUID says XenVMMXenVMM", hypervisor_leaf().eq(0x566e6558));
  tlsWord.set(0x5eed);
  const updated = local(set_tls(tlsWord.address));
  check("update_descriptor moves a segment", updated.eq(0).both(() => read_tls().eq(0x5eed)));

  const calls = localOf(array(MulticallEntry, 2));
  calls.at(0).op.set(HYPERCALL.xen_version);
  calls.at(0).args.at(0).set(XENVER.version);
  calls.at(1).op.set(HYPERCALL.xen_version);
  calls.at(1).args.at(0).set(999);
  const batch = local(multicall(calls.address, 2));
  check(
    "multicall gives each entry its result",
    batch.eq(0)
      .both(() => calls.at(0).result.isNegative().not())
      .both(() => calls.at(1).result.eq(-ENOSYS)),
  );
});

const check_user = fn("check_user", () => {
  check("ring 3 runs: system calls, page faults", run_user(addressOf(visitor)).eq(42));
  check("ring 3 cannot read the kernel", run_user(addressOf(intruder)).eq(128 + 14));
  check("ring 3 cannot read the M2P", run_user(addressOf(mapReader)).eq(128 + 14));
  check("ring 3 cannot make hypercalls", run_user(addressOf(caller)).eq(128 + 13));
});

const ticks = global("timer_ticks", u32);
const timer_event = fn("timer_event", (_port) => ticks.inc());

const check_timer = fn("check_timer", () => {
  const port = local(bind_virq(VIRQ.timer, addressOf(timer_event)));
  vcpu_op(VCPUOP.stop_periodic_timer, 0, 0);
  const before = local(ticks), upcallsBefore = local(upcalls);
  if_(port.isNegative().not(), () => {
    set_timer_in(2_000_000);
    waitUntil(() => ticks.ne(before));
  });
  check("the timer's upcall comes", ticks.gt(before).both(() => upcalls.gt(upcallsBefore)));
});

const check_store = fn("check_store", () => {
  check("xenstore: domid", store_read("domid").gt(0).both(() => payload.at(0).ge(0x30)));
  print`       domain ${text(payload.address)}`;
  const named = local(store_read("name"));
  print`, name ${text(payload.address)}\n`;
  check("xenstore: name", named.isNegative().not());
  check("xenstore: a node that is not there", store_read("no/such/node").eq(-1));
});

/** Runs them all; the number that failed. */
export const run_checks = fn("run_checks", () => {
  print`self-checks:\n`;
  check_memory();
  check_processor();
  check_user();
  check_timer();
  check_store();
  print`self-checks: ${dec(passed)} ok, ${dec(failed)} failed\n`;
  ret(failed);
});
