/** Runs a batch of cases in both worlds. */
import { createMachine } from "../../core/host/create_machine.ts";
import type { Machine } from "../../core/host/machine.ts";
import { VcpuView } from "../../core/host/vcpu_view.ts";
import { ALWAYS } from "../first_sight.ts";
import { type Case, type Outcome, readOutcome } from "./case.ts";
import { guestImage, linuxImage } from "./image.ts";
import { runProcess } from "./process.ts";
import { RECORD_BYTES, RECORDS } from "./layout.ts";

/** MiB of a guest: the image, its tables, and some room. */
const GUEST_MEMORY = 16;

/** Milliseconds a guest may take for one batch; to translate each case takes longer than to run it. */
const TIMEOUT = ALWAYS ? 600_000 : 20_000;

function outcomes(records: Uint8Array, cases: number): Outcome[] {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  return Array.from({ length: cases }, (_, n) => readOutcome(view, n * RECORD_BYTES));
}

/**
 * Runs cases on the host's processor.
 *
 * @throws Error if the process could not run, or ended other than it should
 */
export async function runNatively(cases: readonly Case[]): Promise<Outcome[]> {
  const bytes = cases.length * RECORD_BYTES;
  return outcomes(await runProcess(linuxImage(cases), bytes, TIMEOUT), cases.length);
}

/** Our world, which may be used for any number of batches. */
export class GuestWorld {
  private constructor(private readonly machine: Machine, private readonly log: string[]) {}

  static async create(): Promise<GuestWorld> {
    const log: string[] = [];
    const machine = await createMachine({
      time: "virtual",
      // each case runs once, which is worth no translation
      jit: ALWAYS ? "always" : false,
      log: (line) => void log.push(line),
    });
    return new GuestWorld(machine, log);
  }

  /** @throws Error if the guest crashed */
  async run(cases: readonly Case[]): Promise<Outcome[]> {
    const domain = await this.machine.addDomain(guestImage(cases), { memory: GUEST_MEMORY });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<{ code: number; crash: string | null }>((resolve) =>
      timer = setTimeout(() => resolve({ code: -1, crash: "timed out" }), TIMEOUT)
    );
    const { code, crash } = await Promise.race([domain.shutdown, late]);
    clearTimeout(timer);
    try {
      const view = new VcpuView(this.machine.core, domain.id, 0);
      if (code !== 0) {
        throw new Error(
          `the guest ended with ${code} (${crash}) at ${view.eip.toString(16)}\n` +
            this.log.splice(0).join("\n"),
        );
      }
      return outcomes(view.read(RECORDS, cases.length * RECORD_BYTES), cases.length);
    } finally {
      this.machine.destroyDomain(domain);
    }
  }

  close(): void {
    this.machine.stop();
  }
}
