/** Event channels: what each is bound to, whether it is pending and masked; and each vCPU's upcall. */
import type { EventsData, NamedEntry } from "../../feeds.ts";
import { make } from "../dom.ts";
import { hex, hex8 } from "../hex.ts";
import type { MachineWorker } from "../machine.ts";
import { DataTable } from "../table.ts";
import type { Panel } from "../tabs.ts";

class EventsPanel implements Panel {
  readonly element: HTMLElement;
  readonly #ports = new DataTable(
    "Event channels",
    ["port", "bound to", "with", "vCPU", "state"],
    "events-ports",
  );
  readonly #vcpus = new DataTable(
    "vCPUs",
    ["vCPU", "state", "events", "callbacks"],
    "events-vcpus",
  );
  readonly #note = make("p", { class: "panel-note", id: "events-note" });

  constructor(private readonly machine: MachineWorker) {
    const body = make(
      "div",
      { class: "panel-body flush", tabindex: "0", role: "region", "aria-label": "Events" },
      make("h2", {}, "vCPUs"),
      this.#vcpus.element,
      make("h2", {}, "Event channels"),
      this.#ports.element,
    );
    this.element = make(
      "div",
      { class: "panel" },
      body,
      make("div", { class: "panel-foot" }, this.#note),
    );
  }

  shown(): void {
    this.machine.watch("events");
  }

  hidden(): void {
    this.machine.unwatch("events");
  }

  reset(): void {
    this.#ports.show([]);
    this.#vcpus.show([]);
    this.#note.textContent = "";
  }

  fed(data: unknown): void {
    const { ports, vcpus, fifo } = data as EventsData;
    this.#vcpus.show(vcpus.map((v) => ({
      cells: [
        `v${v.vcpu}`,
        v.state,
        v.masked
          ? { text: `masked${v.pending ? pendingIn(v.selector) : ""}`, kind: "warn" }
          : { text: `open${v.pending ? pendingIn(v.selector) : ""}`, kind: "good" },
        { text: `event ${entry(v.event)}\nfailsafe ${entry(v.failsafe)}`, kind: "details lines" },
      ],
    })));
    this.#ports.show(ports.map((port) => ({
      cells: [
        { text: String(port.port), kind: "number" },
        port.kind,
        { text: port.label, kind: "details" },
        `v${port.vcpu}`,
        portState(port.pending, port.masked),
      ],
      attributes: { "data-port": String(port.port) },
    })));
    const abi = fifo ? "FIFO event arrays" : "two-level bitmaps";
    this.#note.textContent = `${ports.length} event channels in use, by ${abi}`;
  }
}

/** @param selector which words of the bitmap have pending bits: evtchn_pending_sel */
function pendingIn(selector: number): string {
  return selector === 0 ? ", pending" : `, pending ${hex(selector)}`;
}

function portState(pending: boolean, masked: boolean) {
  const text = [pending && "pending", masked && "masked"].filter(Boolean).join(", ");
  return { text: text || "quiet", kind: masked ? "warn" : pending ? "good" : "quiet" };
}

function entry({ cs, eip, symbol }: NamedEntry): string {
  return eip === 0 ? "none" : `${hex(cs)}:${hex8(eip)}${symbol && ` <${symbol}>`}`;
}

export const create = (machine: MachineWorker): Panel => new EventsPanel(machine);
