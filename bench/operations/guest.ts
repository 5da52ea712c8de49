/**
 * A guest that repeats one operation, for those that bench/guest/kernel-pv.elf does not have. It speaks
 * the same protocol (bench/guest/fe.h): a line before and a line after so many operations, for ever.
 */
import { DOMID_SELF, FLAT, HYPERCALL, PTE, XENVER } from "../../guest/abi/numbers.ts";
import { MmuextOp, MmuUpdate, MulticallEntry } from "../../guest/abi/structs.ts";
import {
  addressOf,
  asm,
  bind,
  fn,
  for_,
  forever,
  global,
  if_,
  Label,
  local,
  localOf,
  pages,
  ret,
  u32,
  u64,
} from "../../guest/asm/mod.ts";
import type { Given } from "../../guest/asm/mod.ts";
import { mmu_update, mmuext_op, multicall, xen_version } from "../../guest/kernel/hypercalls.ts";
import { guestImage } from "../../guest/kernel/image.ts";
import { alloc_page, mfn_of, set_rights, table_below } from "../../guest/kernel/memory.ts";
import { panic } from "../../guest/kernel/panic.ts";
import { dec, print } from "../../guest/kernel/print.ts";
import { early_init, machine_init, startWith } from "../../guest/kernel/setup.ts";
import { startInfo } from "../../guest/kernel/state.ts";

const PAGE = 4096;
/** Entries of an L1 that is pinned, L1s below an L2, L2s below the L3. */
const L1_ENTRIES = 512, L2_ENTRIES = 4, L3_ENTRIES = 4;
/** mmuext_op's commands: pin by level, and unpin (public/xen.h). */
const PIN_L1 = 0, PIN_L2 = 1, PIN_L3 = 2, UNPIN = 4;

/** An operation: what has to be there first, and the operation itself. */
interface Operation {
  prepare?: () => void;
  once: () => void;
}

const must = (result: Given, what: string) => {
  const kept = local(result);
  if_(kept.isNegative(), () => void panic(what));
};

/** (page, entries, first, step, flags): fills a page with entries that name one page after the other. */
const fill_table = fn("fill_table", (page, entries, first, step, flags) => {
  for_(0, entries, (i) => {
    const mfn = local(mfn_of(i.times(step).plus(first)));
    u64.at(i.times(8).plus(page)).set(mfn.shl(12).or(flags), mfn.shr(20));
  });
  // nothing may be able to write to what becomes a table
  must(set_rights(page, PTE.readonly), "a page will not be read-only");
});

const pinned = global("pinned", u32);

/** Pins and unpins the table that was built; two calls. */
const pinAndUnpin = (level: number, build: () => void): Operation => ({
  prepare: build,
  once: () => {
    const op = localOf(MmuextOp);
    op.cmd.set(level);
    op.arg1.set(mfn_of(pinned));
    must(mmuext_op(op.address, 1, 0, DOMID_SELF), "a table cannot be pinned");
    op.cmd.set(UNPIN);
    must(mmuext_op(op.address, 1, 0, DOMID_SELF), "a table cannot be unpinned");
  },
});

/** `count` pages in a row: alloc_page gives one after the other. */
const inARow = (count: number, make: (page: Given) => void) => {
  const first = local(0);
  for_(0, count, (i) => {
    const page = local(alloc_page());
    if_(i.eq(0), () => first.set(page));
    make(page);
  });
  return first;
};
const buildL1s = (count: number) => {
  const data = local(alloc_page());
  return inARow(count, (page) => void fill_table(page, L1_ENTRIES, data, 0, PTE.readonly));
};
const buildL2s = (count: number) => {
  const l1s = buildL1s(L2_ENTRIES * count);
  const next = local(l1s);
  return inARow(count, (page) => {
    fill_table(page, L2_ENTRIES, next, PAGE, PTE.table);
    next.add(L2_ENTRIES * PAGE);
  });
};

const toggled = pages("toggled", 64);
const readonlyRequests = pages("readonly_requests", 1);
const writableRequests = pages("writable_requests", 1);

/** (page): machine address of the L1 entry that maps a page of ours; all of it lies below 4 GiB. */
const entry_of = fn("entry_of", (page) => {
  const l2 = local(table_below(startInfo.pt_base, page.shr(30)));
  const l1 = local(table_below(l2, page.shr(21).and(511)));
  ret(mfn_of(l1).shl(12).or(page.shr(12).and(511).shl(3)));
});

const make_requests = fn("make_requests", (requests, count, flags) => {
  for_(0, count, (i) => {
    const page = local(i.times(PAGE).plus(toggled));
    const request = MmuUpdate.at(i.times(MmuUpdate.size).plus(requests));
    request.ptr.set(entry_of(page), 0);
    request.val.set(mfn_of(page).shl(12).or(flags), mfn_of(page).shr(20));
  });
});

/** Makes so many pages read-only and writable again, by one mmu_update each way; two calls. */
const mmuUpdates = (count: number): Operation => ({
  prepare: () => {
    make_requests(readonlyRequests, count, PTE.readonly);
    make_requests(writableRequests, count, PTE.kernel);
  },
  once: () => {
    for (const requests of [readonlyRequests, writableRequests]) {
      must(mmu_update(requests, count, 0, DOMID_SELF), "mmu_update fails");
    }
  },
});

const calls = pages("calls", 1);

/** One multicall of so many null hypercalls, its list made beforehand as mmuUpdates' requests are. */
const nullCalls = (count: number): Operation => ({
  prepare: () => {
    for_(0, count, (i) => {
      const entry = MulticallEntry.at(i.times(MulticallEntry.size).plus(calls));
      entry.op.set(HYPERCALL.xen_version);
      entry.args.at(0).set(XENVER.version);
    });
  },
  once: () => must(multicall(calls, count), "multicall fails"),
});

/** IRET as any kernel does it, to the following instruction. */
const nativeIret = () => {
  const there = new Label("there");
  asm.pushf();
  asm.push(FLAT.ring1_cs);
  asm.push(addressOf(there));
  asm.iret();
  bind(there);
};

const nothing = fn("nothing", () => {});

const OPERATIONS = {
  empty: { once: () => void nothing() },
  version: { once: () => void xen_version(XENVER.version, 0) },
  version8: {
    once: () => {
      for (let i = 0; i < 8; i++) xen_version(XENVER.version, 0);
    },
  },
  list8: nullCalls(8),
  clts: { once: () => asm.clts() },
  iret: { once: nativeIret },
  mmu1: mmuUpdates(1),
  mmu8: mmuUpdates(8),
  mmu64: mmuUpdates(64),
  pinL1: pinAndUnpin(PIN_L1, () => pinned.set(buildL1s(1))),
  pinL2: pinAndUnpin(PIN_L2, () => pinned.set(buildL2s(1))),
  pinL3: pinAndUnpin(PIN_L3, () => {
    const l2s = local(buildL2s(L3_ENTRIES));
    pinned.set(alloc_page());
    fill_table(pinned, L3_ENTRIES, l2s, PAGE, PTE.present);
  }),
} satisfies Record<string, Operation>;

/** The operations of this guest. */
export type OwnOperation = keyof typeof OPERATIONS;

/**
 * Assembles the guest for one operation.
 *
 * @param count operations between two lines
 * @returns an ELF file
 */
export function operationGuest(name: OwnOperation, count: number): Uint8Array {
  const { prepare, once }: Operation = OPERATIONS[name];
  const main = fn("main", () => {
    early_init();
    machine_init();
    prepare?.();
    forever(() => {
      print`B operation 0\n`;
      for_(0, count, once);
      print`E operation 0 n=${dec(count)} sum=0\n`;
    });
  });
  return guestImage(startWith(main), name).elf;
}
