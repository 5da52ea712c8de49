/** A vCPU's descriptor tables: segment registers, GDT, LDT, and the trap table that stands for an IDT. */
import type { Descriptor } from "../../../core/host/inspect.ts";
import type { DescriptorsData } from "../../feeds.ts";
import { describeDescriptor } from "../descriptor.ts";
import { make } from "../dom.ts";
import { hex, hex8 } from "../hex.ts";
import type { MachineWorker } from "../machine.ts";
import { DataTable } from "../table.ts";
import type { Panel } from "../tabs.ts";
import { VcpuChoice } from "../vcpu_choice.ts";

const COLUMNS = ["selector", "base", "limit", "what", "DPL"];

class DescriptorsPanel implements Panel {
  readonly element: HTMLElement;
  readonly #vcpu = new VcpuChoice("descriptors-vcpu", () => this.shown());
  readonly #tools: HTMLElement;
  readonly #segments = new DataTable(
    "Segment registers",
    ["register", "selector", "base", "limit"],
    "descriptors-segments",
  );
  readonly #gdt = new DataTable("GDT", COLUMNS, "descriptors-gdt");
  readonly #ldt = new DataTable("LDT", COLUMNS, "descriptors-ldt");
  readonly #traps = new DataTable(
    "Trap table",
    ["vector", "trap", "handler", "symbol", "DPL", "events"],
    "descriptors-idt",
  );
  readonly #gdtTitle = make("h2", {}, "GDT");
  readonly #ldtTitle = make("h2", {}, "LDT");

  constructor(private readonly machine: MachineWorker) {
    this.#tools = make("div", { class: "panel-tools", hidden: true }, this.#vcpu.element);
    const body = make(
      "div",
      {
        class: "panel-body flush",
        tabindex: "0",
        role: "region",
        "aria-label": "Descriptor tables",
      },
      make("h2", {}, "Segment registers"),
      this.#segments.element,
      this.#gdtTitle,
      this.#gdt.element,
      this.#ldtTitle,
      this.#ldt.element,
      make("h2", {}, "IDT: the trap table"),
      this.#traps.element,
    );
    this.element = make("div", { class: "panel" }, this.#tools, body);
  }

  shown(): void {
    this.machine.watch("descriptors", { vcpu: this.#vcpu.chosen });
  }

  hidden(): void {
    this.machine.unwatch("descriptors");
  }

  reset(): void {
    for (const table of [this.#segments, this.#gdt, this.#ldt, this.#traps]) table.show([]);
  }

  fed(data: unknown): void {
    const { vcpu, vcpus, segments, gdt, ldt, traps } = data as DescriptorsData;
    this.#vcpu.show(vcpus, vcpu);
    this.#tools.hidden = vcpus < 2;
    this.#segments.show(segments.map(({ name, selector, base, limit, attributes }) => ({
      cells: [
        name.toUpperCase(),
        hex(selector).padStart(4, "0"),
        attributes ? hex8(base) : "null",
        { text: attributes ? hex8(limit) : "", kind: "details" },
      ],
    })));
    const frames = gdt.frames.map((mfn) => `mfn ${hex(mfn)}`).join(", ");
    this.#gdtTitle.textContent = `GDT: ${gdt.entries} entries${frames && `, ${frames}`}`;
    this.#gdt.show(rows(gdt.descriptors, 0));
    this.#ldtTitle.textContent = ldt
      ? `LDT: ${ldt.entries} entries at ${hex8(ldt.base)}`
      : "LDT: none";
    this.#ldt.element.hidden = !ldt;
    this.#ldt.show(rows(ldt?.descriptors ?? [], 4));
    this.#traps.show(traps.map((trap) => ({
      cells: [
        { text: hex(trap.vector).padStart(2, "0"), kind: "number" },
        trap.name,
        `${hex(trap.cs)}:${hex8(trap.eip)}`,
        { text: trap.symbol, kind: "details" },
        String(trap.dpl),
        trap.masksEvents ? "masked" : "",
      ],
      attributes: { "data-vector": String(trap.vector) },
    })));
  }
}

function rows(descriptors: Descriptor[], table: number) {
  return descriptors.map(({ index, low, high }) => {
    const { base, limit, kind, dpl } = describeDescriptor(low, high);
    const selector = hex(index * 8 + table).padStart(4, "0");
    return { cells: [selector, base, limit, { text: kind, kind: "details" }, dpl] };
  });
}

export const create = (machine: MachineWorker): Panel => new DescriptorsPanel(machine);
