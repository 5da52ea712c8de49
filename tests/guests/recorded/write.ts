/**
 * `deno run -A tests/guests/recorded/write.ts [PROGRAM ARGUMENT…]` makes recorded.json anew: it runs what
 * the tests run, on this host's processor, or through a program that emulates one, as `qemu-i386` of Debian's
 * qemu-user does (the record that is there was made with its 7.2). To be done when a program is new or changed.
 */
import { fileURLToPath } from "node:url";
import { runNatively } from "../../guest/native.ts";
import { PROGRAMS } from "../../guest/programs/mod.ts";
import { byCommand, FLOATING_POINT, natively, WHOLE_NUMBERS } from "../busybox/commands.ts";
import { guestForTest } from "../debian.ts";
import { digest, type Recorded, writeRecorded } from "./recorded.ts";

/** What QEMU does in another way than Linux on a processor: mremap, set_thread_area, the words of FNSTENV that are reserved. */
const OTHERWISE = ["memory", "threads", "tidy"];

const through = Deno.args;
const all: Recorded = { loader: {}, busybox: {} };
for (const [name, program] of Object.entries(PROGRAMS)) {
  if (through.length && OTHERWISE.includes(name)) continue;
  const { status, output } = await runNatively(program, through);
  const text = new TextDecoder("latin1").decode(output);
  all.loader[name] = digest(`${text}[status ${status}]`);
}
const busybox = fileURLToPath((await guestForTest("busybox-i386"))!);
for (const commands of [WHOLE_NUMBERS, FLOATING_POINT]) {
  for (const part of byCommand(await natively(busybox, commands, through))) {
    all.busybox[part.split("\r\n")[0]] = digest(part);
  }
}
writeRecorded(all);
