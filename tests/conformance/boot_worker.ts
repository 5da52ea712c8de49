/** The worker of boot.ts: one machine, one domain, everything it says passed on. */
/// <reference lib="deno.worker" />
import { createMachine } from "../../core/host/create_machine.ts";
import type { BootMessage, BootRequest } from "./boot.ts";

const tell = (message: BootMessage) => self.postMessage(message);

self.onmessage = async ({ data }: MessageEvent<BootRequest>) => {
  const machine = await createMachine({
    module: data.module,
    time: "virtual",
    log: (line) => tell({ kind: "log", line }),
  });
  const domain = await machine.addDomain(data.image, {
    memory: 64,
    vcpus: data.vcpus,
    commandLine: data.commandLine,
    options: { console_io: false },
    output: (bytes) => tell({ kind: "output", bytes }),
  });
  const { code, crash } = await domain.shutdown;
  if (crash) tell({ kind: "log", line: `crash: ${crash}` });
  await domain.console.drained();
  machine.stop();
  tell({ kind: "end", reason: code });
};
