// What the kernel says about itself, the hypervisor and its memory when it starts.

import { CONSOLEIO, VIRT_BASE, XENVER } from "../abi/numbers.ts";
import { array, fn, global, if_, local, sectionEnd, u8 } from "../asm/mod.ts";
import { show_features } from "./features.ts";
import { console_io, xen_version } from "./hypercalls.ts";
import { freePage, mappedEnd } from "./memory.ts";
import { dec, hex, print, text } from "./print.ts";
import { startInfo } from "./state.ts";
import { length_of } from "./strings.ts";

const buffer = global("version_text", array(u8, 1024));

const show_version = fn("show_version", () => {
  const version = local(xen_version(XENVER.version, 0));
  xen_version(XENVER.extraversion, buffer.address);
  print`hypervisor: Xen ${dec(version.shr(16))}.${dec(version.and(0xffff))}${text(buffer.address)}`;
  xen_version(XENVER.capabilities, buffer.address);
  print`, runs ${text(buffer.address)}\n`;
});

/** The parts of memory in the order in which the builder laid them out. */
export const show_map = fn("show_map", () => {
  const s = startInfo;
  print`memory: ${dec(s.nr_pages)} pages, ${dec(s.nr_pages.shr(8))} MiB\n`;
  print`  ${hex(VIRT_BASE)} kernel image, to ${hex(sectionEnd("bss"))}\n`;
  print`  ${hex(s.mfn_list)} P2M list\n`;
  print`  ${hex(s.address)} start_info\n`;
  print`  ${hex(s.pt_base)} page tables, ${dec(s.nr_pt_frames)} frames\n`;
  print`  ${hex(freePage)} free, to ${hex(mappedEnd)}\n`;
  print`  machine frames: shared_info ${hex(s.shared_info.shr(12), 5)}, console ${
    hex(s.console_mfn, 5)
  }, xenstore ${hex(s.store_mfn, 5)}\n`;
});

const EMERGENCY = "Skiff: this line comes by console_io\n";

export const show_banner = fn("show_banner", () => {
  print`Skiff, a small PV kernel. This line comes through the console ring.\n`;
  const refused = local(console_io(CONSOLEIO.write, length_of(EMERGENCY), EMERGENCY));
  if_(refused, () => print`console_io: not for us, error ${dec(refused.times(-1))}\n`);
  print`start_info: ${text(startInfo.magic.address)}, flags ${
    hex(startInfo.flags, 2)
  }, command line "${text(startInfo.cmd_line.address)}"\n`;
  show_version();
  show_features();
  show_map();
});
