// What the whole kernel knows: where start_info is, and the page shared with the hypervisor.

import { SharedInfo, StartInfo } from "../abi/structs.ts";
import { asm, eax, global, pages, u32 } from "../asm/mod.ts";

/** Address of start_info, as ESI had it at entry. */
export const startInfoAddress = global("start_info", u32);
export const startInfo = StartInfo.at(startInfoAddress);

/** The page that `map_shared_info` puts the hypervisor's page over. */
export const sharedInfoPage = pages("shared_info", 1);
export const sharedInfo = SharedInfo.at(sharedInfoPage);
export const vcpu = sharedInfo.vcpu_info.at(0);

const fence = global("fence", u32);

/** Orders memory accesses around it: XCHG with memory is locked on every processor. */
export function barrier(): void {
  asm.xchg(fence, eax);
}
