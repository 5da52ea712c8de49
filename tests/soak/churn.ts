/**
 * Skiff tests and measures itself again and again while translated code has so little room that regions are
 * dropped all the time: what was translated, dropped and translated anew must do what it did before.
 */
import { createMachine, loadGuest } from "../../mod.ts";

export interface ChurnOptions {
  /** How long, from the first prompt. */
  seconds: number;
  /** Bytes of translated code. */
  room: number;
  /** Seconds to rest at the end before resident memory is looked at once more; none when not given. */
  rest?: number;
  /** Called after each round. */
  progress?: (text: string) => void;
}

export interface ChurnReport {
  /** Runs of the self-test and of the bench. */
  tests: number;
  benches: number;
  /** Regions put in place, and dropped for want of room. */
  placed: number;
  evicted: number;
  /** What went wrong: failed checks, a crash, an end that was not asked for, findings of audit. */
  wrong: string[];
  /**
   * Resident memory in MiB after the first round, at the end, and after the rest: V8 collects what is not reachable
   * when it likes, so that only this shows what is held.
   */
  residentAtStart: number;
  residentAtEnd: number;
  residentAtRest: number;
}

const PROMPT = "skiff> ";
const resident = () => Deno.memoryUsage().rss / 2 ** 20;

/** Runs Skiff like that. */
export async function churn(options: ChurnOptions): Promise<ChurnReport> {
  const report: ChurnReport = {
    tests: 0,
    benches: 0,
    placed: 0,
    evicted: 0,
    wrong: [],
    residentAtStart: 0,
    residentAtEnd: 0,
    residentAtRest: 0,
  };
  await using machine = await createMachine({ jit: "on", translated: options.room });
  machine.subscribe({ kinds: ["jit"] }, (event) => {
    if (event.kind !== "jit") return;
    if (/^evicted /.test(event.text)) report.evicted++;
    if (/^region at /.test(event.text)) report.placed++;
  });

  let said = "";
  let heard = () => {};
  const decoder = new TextDecoder();
  const domain = await machine.addDomain((await loadGuest("skiff"))!, {
    memory: 32,
    output: (bytes) => {
      said += decoder.decode(bytes, { stream: true });
      heard();
    },
  });
  let ended = "";
  void domain.shutdown.then(({ name }) => {
    ended = name;
    heard();
  });
  /** What the guest says up to its next prompt. */
  const answer = async () => {
    while (!said.endsWith(PROMPT) && !ended) await new Promise<void>((next) => heard = next);
    const text = said;
    said = "";
    return text;
  };
  const ask = async (command: string) => {
    await domain.console.send(new TextEncoder().encode(`${command}\n`));
    return await answer();
  };

  await answer();
  const end = performance.now() + options.seconds * 1000;
  do {
    const tested = await ask("selftest");
    const [, ok, failed] = /selftest: (\d+) ok, (\d+) failed/.exec(tested) ?? [];
    if (!(Number(ok) > 100) || failed !== "0") report.wrong.push(`selftest: ${tested}`);
    report.tests++;
    const measured = await ask("bench");
    const lines = measured.split("\n").filter((line) => /^ *[\d.]+ +\S+ +\S+ +\S+: /.test(line));
    if (lines.length < 10) report.wrong.push(`bench: ${measured}`);
    report.benches++;
    report.residentAtStart ||= resident();
    options.progress?.(`${report.tests} rounds, ${report.evicted} regions dropped`);
  } while (performance.now() < end && !ended);
  if (ended) report.wrong.push(`the guest ended: ${ended}`);
  else {
    const findings = machine.core.exports.audit(domain.id);
    if (findings) report.wrong.push(`audit: ${findings} findings`);
    void domain.console.send(new TextEncoder().encode("halt\n"));
    const { name } = await domain.shutdown;
    if (name !== "poweroff") report.wrong.push(`halt: ${name}`);
  }
  report.residentAtEnd = resident();
  if (options.rest) await new Promise((over) => setTimeout(over, options.rest! * 1000));
  report.residentAtRest = resident();
  return report;
}
