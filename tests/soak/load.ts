/**
 * Many small guests in one machine, in a ring: each exchanges numbered requests with the domains beside
 * it, by granted pages and events, and echoes what the host types at its console
 * (guest/probes/neighbour.ts). The host types numbered lines and looks for each of them to come back.
 */
import {
  createMachine,
  type Domain,
  loadGuest,
  type Machine,
  type MachineOptions,
} from "../../mod.ts";

export interface LoadOptions {
  domains: number;
  /** MiB of each. */
  memory?: number;
  /** How long the guests run, from when the last of them is ready. */
  seconds: number;
  time?: MachineOptions["time"];
  jit?: MachineOptions["jit"];
  /** Whether other pairs of guests come and go meanwhile, torn out of their exchanges. */
  churn?: boolean;
  /** Called every second or so. */
  progress?: (text: string) => void;
}

/** What one guest did. */
export interface GuestReport {
  /** Requests it sent to the right, and answered to the left. */
  asked: number;
  answered: number;
  /** Whatever did not agree: numbers, contents, statuses. */
  errors: number;
  /** ns that its vCPU was running for. */
  ran: number;
  /** Lines typed, and those of them that came back. */
  typed: number;
  echoed: number;
}

export interface LoadReport {
  guests: GuestReport[];
  /** Lines that came back wrong, guests that came to a wrong end, findings of audit: what there is of them. */
  wrong: string[];
  /** Frames free before the first domain but in the machine's memory, and after the last was destroyed. */
  machineFrames: number;
  freeFrames: number;
  /** Resident memory in MiB when all were ready, and at the end. */
  residentAtStart: number;
  residentAtEnd: number;
  /** Pairs that came and went. */
  pairs: number;
  /** ms from the first domain's making until every guest had said its first line. */
  firstLines: number;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const resident = () => Deno.memoryUsage().rss / 2 ** 20;
const encoder = new TextEncoder();

/** One guest, and the host's end of its console. */
class Neighbour {
  typed = 0;
  echoed = 0;
  readonly wrong: string[] = [];
  readonly ready: Promise<void>;
  domain!: Domain;
  totals: number[] = [];
  private saysReady!: () => void;
  private line = "";
  private typing = true;
  private readonly decoder = new TextDecoder();

  constructor(readonly number: number) {
    this.ready = new Promise((ready) => this.saysReady = ready);
  }

  take(bytes: Uint8Array): void {
    this.line += this.decoder.decode(bytes, { stream: true });
    for (let end; (end = this.line.indexOf("\n")) >= 0; this.line = this.line.slice(end + 1)) {
      this.takeLine(this.line.slice(0, end).trimEnd());
    }
  }

  /** The end: no more is typed, and the guest is asked for its totals. */
  finish(): void {
    this.typing = false;
    this.domain.console.send(encoder.encode("q"));
  }

  private takeLine(text: string): void {
    if (text === "ready") {
      this.saysReady();
    } else if (text.startsWith("asked ")) {
      this.totals = text.split(" ").filter((_, n) => n % 2).map((word, n) =>
        n === 3 ? parseInt(word, 16) : Number(word)
      );
      return;
    } else if (text === this.expected()) this.echoed++;
    else this.wrong.push(`guest ${this.number}: ${JSON.stringify(text)}, not ${this.expected()}`);
    if (this.typing) this.type();
  }

  private type(): void {
    this.typed++;
    this.domain.console.send(encoder.encode(`${this.expected()}\n`));
  }

  private expected(): string {
    return `${this.number}:${this.typed}:${"abcdefgh".repeat(this.typed % 5)}`;
  }
}

/** Runs the load and says what became of it. */
export async function load(options: LoadOptions): Promise<LoadReport> {
  const machine = await createMachine({ time: options.time, jit: options.jit });
  try {
    return await run(machine, options);
  } finally {
    machine.stop();
  }
}

async function run(machine: Machine, options: LoadOptions): Promise<LoadReport> {
  const image = (await loadGuest("neighbour"))!;
  const { domains: count, memory = 8, seconds } = options;
  const wrong: string[] = [];
  const started = performance.now();
  const guests = Array.from({ length: count }, (_, n) => new Neighbour(n + 1));
  for (const guest of guests) {
    const beside = (by: number) => (guest.number - 1 + by + count) % count + 1;
    guest.domain = await machine.addDomain(image, {
      memory,
      commandLine: `${beside(-1)} ${beside(1)}`,
      output: (bytes) => guest.take(bytes),
      paused: true,
    });
    if (guest.domain.id !== guest.number) throw new Error("domains are not numbered in turn");
  }
  for (const { domain } of guests) domain.unpause();
  await Promise.all(guests.map((guest) => guest.ready));
  const firstLines = performance.now() - started;
  const residentAtStart = resident();

  const end = performance.now() + seconds * 1000;
  const churning = options.churn ? churn(machine, image, count, end) : Promise.resolve(0);
  while (performance.now() < end) {
    await pause(Math.min(1000, Math.max(0, end - performance.now())));
    const lines = guests.reduce((sum, { echoed }) => sum + echoed, 0);
    options.progress?.(`${lines} lines, ${resident().toFixed(0)} MiB resident`);
  }
  const pairs = await churning;
  for (const guest of guests) guest.finish();
  for (const { domain, number } of guests) {
    const { name } = await domain.shutdown;
    await domain.console.drained();
    if (name !== "poweroff") wrong.push(`guest ${number} ended with ${name}`);
  }
  for (const guest of guests) wrong.push(...guest.wrong);
  for (const { domain, number } of guests) {
    const findings = machine.core.exports.audit(domain.id);
    if (findings) wrong.push(`audit of guest ${number}: ${findings} findings`);
  }
  for (const { domain } of guests) machine.destroyDomain(domain);
  return {
    guests: guests.map(({ totals: [asked, answered, errors, ran], typed, echoed }) => (
      { asked, answered, errors, ran, typed, echoed }
    )),
    wrong,
    machineFrames: machine.core.exports.machine_size(),
    freeFrames: machine.core.exports.machine_free_frames(),
    residentAtStart,
    residentAtEnd: resident(),
    pairs,
    firstLines,
  };
}

/** The last number a domain can have. */
const LAST_ID = 127;

/**
 * Makes pairs of guests that exchange pages and events, and destroys them in the middle of it.
 *
 * @param count domains that stay, which have the first numbers
 * @returns how many pairs
 */
async function churn(
  machine: Machine,
  image: Uint8Array,
  count: number,
  end: number,
): Promise<number> {
  const after = (id: number) => id === LAST_ID ? count + 1 : id + 1;
  let pairs = 0;
  for (let id = count + 1; performance.now() < end; id = after(after(id))) {
    const ids = [id, after(id)];
    const guests = ids.map((number) => new Neighbour(number));
    for (const [n, guest] of guests.entries()) {
      guest.domain = await machine.addDomain(image, {
        memory: 8,
        commandLine: `${ids[1 - n]} ${ids[1 - n]}`,
        output: (bytes) => guest.take(bytes),
        paused: true,
      });
      if (guest.domain.id !== guest.number) throw new Error("domains are not numbered in turn");
    }
    for (const { domain } of guests) domain.unpause();
    await Promise.all(guests.map(({ ready }) => ready));
    await pause(pairs % 30);
    for (const { domain } of pairs & 1 ? guests : guests.toReversed()) {
      machine.destroyDomain(domain);
      if (pairs & 2) await pause(1); // so that the other sees it gone
    }
    pairs++;
  }
  return pairs;
}

/** What is not as it must be: nothing lost, nothing wrong, every frame back. */
export function faults({ guests, wrong, machineFrames, freeFrames }: LoadReport): string[] {
  const found = [...wrong];
  guests.forEach((guest, n) => {
    const who = `guest ${n + 1}`;
    const right = guests[(n + 1) % guests.length];
    if (!(guest.asked > 1)) found.push(`${who} asked ${guest.asked} requests`);
    if (guest.errors !== 0) found.push(`${who} saw ${guest.errors} errors`);
    // the last request may be under way, with or without its answer
    const open = guest.asked - right.answered;
    if (open !== 0 && open !== 1) {
      found.push(`${who} asked ${guest.asked}, ${right.answered} answered`);
    }
    if (guest.typed - guest.echoed > 1) {
      found.push(`${who}: ${guest.echoed} of ${guest.typed} lines`);
    }
  });
  // frame 0 and the machine-to-physical table are the hypervisor's own
  if (freeFrames !== machineFrames - 513) {
    found.push(`${machineFrames - 513 - freeFrames} frames did not come back`);
  }
  return found;
}

/** How far the guests' shares of something are from equal: largest deviation from the mean, as a part of it. */
export function spread(values: number[]): number {
  const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
  return Math.max(...values.map((each) => Math.abs(each - mean))) / mean;
}
