/** Event channels and who is told of them, when they have changed. */
import { type EventPort, eventPorts, upcallState } from "../../../core/host/inspect.ts";
import { VIRQ } from "../../../core/host/trace/names.ts";
import type { EventsData, NamedEntry } from "../../feeds.ts";
import type { Feed, Subject } from "./feeds.ts";

const VCPU_STATES = ["down", "runnable", "blocked", "polling"];

class EventsFeed implements Feed {
  readonly interval = 200;
  #last = "";

  constructor(private readonly subject: Subject) {}

  start(): void {
    this.#last = "";
  }

  sample(): EventsData | undefined {
    const data = this.#read();
    const text = JSON.stringify(data);
    if (text === this.#last) return undefined;
    this.#last = text;
    return data;
  }

  #read(): EventsData {
    const { machine: { core }, domain } = this.subject;
    const { inspect_vcpu_state } = core.exports as unknown as {
      inspect_vcpu_state(domid: number, vcpu: number): number;
    };
    const named = (entry: { cs: number; eip: number }): NamedEntry => ({
      ...entry,
      symbol: domain.symbols.describe(entry.eip) ?? "",
    });
    const vcpus: EventsData["vcpus"] = [];
    let fifo = false;
    for (let vcpu = 0; vcpu < domain.vcpus; vcpu++) {
      const upcall = upcallState(core, domain.id, vcpu);
      if (!upcall) continue;
      fifo = upcall.fifo;
      const { pending, masked, selector } = upcall;
      vcpus.push({
        vcpu,
        state: VCPU_STATES[inspect_vcpu_state(domain.id, vcpu)] ?? "",
        pending,
        masked,
        selector,
        event: named(upcall.event),
        failsafe: named(upcall.failsafe),
      });
    }
    const ports = eventPorts(core, domain.id);
    return { vcpus, fifo, ports: ports.map((port) => ({ ...port, label: this.#label(port) })) };
  }

  #label({ kind, port, remote, remotePort, virq }: EventPort): string {
    if (kind === "VIRQ") return VIRQ[virq] ?? String(virq);
    if (port === this.subject.domain.consolePort) return "console";
    if (port === this.subject.domain.storePort) return "xenstore";
    if (kind === "interdomain") return remote === 0 ? "the host" : `d${remote} port ${remotePort}`;
    return kind === "unbound" ? `waits for d${remote}` : "";
  }
}

export const feed = (subject: Subject): Feed => new EventsFeed(subject);
