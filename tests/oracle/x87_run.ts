/** Runs straight-line code in a PV guest of ours, with the data where the native process has it. */
import { createMachine } from "../../core/host/create_machine.ts";
import { VcpuView } from "../../core/host/vcpu_view.ts";
import { bytes, CODE, DATA } from "../float/native.ts";
import { makeElf, notesWith } from "../host/elf/make_elf.ts";

const VIRT_BASE = 0xc0000000;
const SCHED_OP = 29;
const SHUTDOWN = 2;

/** @returns the data afterwards */
export async function runAsGuest(code: Uint8Array, data: Uint8Array): Promise<Uint8Array> {
  const after = DATA + data.length; // a zero: poweroff
  const program = Uint8Array.from([
    ...code,
    ...[0xb8, ...bytes(SCHED_OP, 4), 0xbb, ...bytes(SHUTDOWN, 4), 0xb9, ...bytes(after, 4)],
    ...[0xcd, 0x82, 0xeb, 0xfe],
  ]);
  const image = makeElf({
    entry: CODE,
    notes: notesWith({ 1: CODE, 2: undefined }),
    segments: [
      { paddr: CODE - VIRT_BASE, data: program },
      { paddr: DATA - VIRT_BASE, data, memsz: data.length + 4096 },
    ],
  });
  const machine = await createMachine({ time: "virtual", log: () => {} });
  try {
    const domain = await machine.addDomain(image, { memory: 32 });
    const { code: status, crash } = await domain.shutdown;
    if (status !== 0) throw new Error(`the guest ended with ${status}: ${crash}`);
    return new VcpuView(machine.core, domain.id, 0).read(DATA, data.length).slice();
  } finally {
    machine.stop();
  }
}
