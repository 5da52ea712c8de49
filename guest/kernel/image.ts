// The kernel as an ELF image that a domain builder takes.

import { VIRT_BASE } from "../abi/numbers.ts";
import { addressOf, assemble, NOTE, noteNumber, noteText } from "../asm/mod.ts";
import type { Callable, Program } from "../asm/mod.ts";
import { hypercallPage } from "./hypercalls.ts";
import { USER_BASE } from "./layout.ts";

/** Assembles a PV guest that starts at `entry`, with the notes every one of ours carries. */
export function guestImage(entry: Callable, name: string): Program {
  return assemble({
    entry: entry.label,
    base: VIRT_BASE,
    userBase: USER_BASE,
    extra: () => {
      noteNumber(NOTE.ENTRY, addressOf(entry.label));
      noteNumber(NOTE.HYPERCALL_PAGE, hypercallPage);
      noteNumber(NOTE.VIRT_BASE, VIRT_BASE);
      noteNumber(NOTE.PADDR_OFFSET, 0);
      noteText(NOTE.XEN_VERSION, "xen-3.0");
      noteText(NOTE.GUEST_OS, name);
      noteText(NOTE.GUEST_VERSION, "1");
      noteText(NOTE.LOADER, "generic");
      noteText(NOTE.PAE_MODE, "yes");
      noteText(NOTE.FEATURES, "pae_pgdir_above_4gb");
    },
  });
}
