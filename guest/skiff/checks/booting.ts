// Booting and features: what the kernel was handed, and what it made of it.

import { MACH2PHYS, VIRT_BASE, XENFEAT, XENVER } from "../../abi/numbers.ts";
import { FeatureInfo } from "../../abi/structs.ts";
import { addressOf, for_, if_, local, localOf, u32 } from "../../asm/mod.ts";
import { xen_feature } from "../../kernel/features.ts";
import { xen_version } from "../../kernel/hypercalls.ts";
import { mfn_of, p2m_agrees, peek, peeked, poke } from "../../kernel/memory.ts";
import { startInfo } from "../../kernel/state.ts";
import { entryAt, kernelMm, page_of_entry } from "../memory/address_space.ts";
import { pvIrq, pvMmu } from "../paravirt/ops.ts";
import { xen_save_fl } from "../paravirt/xen_irq.ts";
import { xen_set_entry } from "../paravirt/xen_mmu.ts";
import { subject } from "./check.ts";

export const check_booting = subject("booting", (check) => {
  const magic = u32.at(startInfo.magic.address);
  check("start_info says xen-3.0", magic.eq(0x2d6e6578)); // "xen-"
  check(
    "the operations are Xen's",
    pvMmu.pointer("set_pte").eq(addressOf(xen_set_entry.label)).both(() =>
      pvIrq.pointer("save_fl").eq(addressOf(xen_save_fl.label))
    ),
  );
  check("P2M and M2P agree", p2m_agrees(7));
  const unreadable = local(peek(mfn_of(VIRT_BASE + 0x1000).times(4).plus(MACH2PHYS)));
  check("the image's second page is pfn 1", unreadable.eq(0).both(() => peeked.eq(1)));
  check("the M2P cannot be written to", poke(MACH2PHYS).ne(0));
  check(
    "the tables in use are the kernel's own",
    pvMmu.call.read_cr3().eq(kernelMm.top).either(() =>
      page_of_entry(entryAt(pvMmu.call.read_cr3(), 0)).ne(0)
    ).both(() => kernelMm.top.ne(startInfo.pt_base)),
  );
});

export const check_features = subject("features", (check) => {
  const info = localOf(FeatureInfo);
  info.submap_idx.set(0);
  check("submap 0 is there", xen_version(XENVER.get_features, info.address).eq(0));
  const differ = local(0);
  for_(0, 32, (bit) => {
    if_(xen_feature(bit).ne(info.submap.shr(bit).and(1)), () => differ.inc());
  });
  check("xen_features[] is what it says", differ.eq(0));
  check("page tables are not writable", xen_feature(XENFEAT.writable_page_tables).eq(0));
  check("updates can keep accessed and dirty", xen_feature(XENFEAT.mmu_pt_update_preserve_ad));
  info.submap_idx.set(9);
  check("there is no submap 9", xen_version(XENVER.get_features, info.address).isNegative());
});
