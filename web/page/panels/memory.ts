/** The address space: a vCPU's page tables as a tree, each frame with what the hypervisor knows of it. */
import type { EntryRow, FrameInfo, MemoryData, MemoryOptions } from "../../feeds.ts";
import type { GuestEnd } from "../../protocol.ts";
import { make } from "../dom.ts";
import { hex, hex8 } from "../hex.ts";
import type { MachineWorker } from "../machine.ts";
import type { Panel } from "../tabs.ts";
import { treeKeys } from "../tree_keys.ts";
import { VcpuChoice } from "../vcpu_choice.ts";

const COLUMNS = ["addresses", "entry", "flags", "mfn", "pfn", "type", "refs", "owner"];

/** Tables that are open to begin with: those of the second level. */
const FIRST_OPEN = ["0", "1", "2", "3"];

class MemoryPanel implements Panel {
  readonly element: HTMLElement;
  readonly #body: HTMLElement;
  readonly #rows = make("tbody", { id: "memory-rows" });
  readonly #note = make("p", { class: "panel-note", id: "memory-note", role: "status" });
  readonly #address = make("input", {
    type: "text",
    id: "memory-address",
    placeholder: "address, hexadecimal",
    "aria-label": "Address to find",
    spellcheck: "false",
  });
  readonly #vcpu = new VcpuChoice("memory-vcpu", () => this.shown());
  readonly #open = new Set(FIRST_OPEN);
  readonly #elements = new Map<string, { element: HTMLElement; signature: string }>();
  #find: number | null = null;
  /** The marked row is to be scrolled to when it is there. */
  #seek = false;
  #registers = { cr2: 0, eip: 0, esp: 0 };

  constructor(private readonly machine: MachineWorker) {
    const registers = (["cr2", "eip", "esp"] as const).map((name) => {
      const button = make("button", { type: "button", id: `memory-${name}` }, name.toUpperCase());
      button.addEventListener("click", () => this.#go(this.#registers[name]));
      return button;
    });
    const collapse = make("button", { type: "button", id: "memory-collapse" }, "Collapse");
    collapse.addEventListener("click", () => {
      this.#open.clear();
      this.#go(null);
    });
    const form = make(
      "form",
      { class: "panel-tools" },
      this.#vcpu.element,
      this.#address,
      make("button", { type: "submit", id: "memory-find" }, "Find"),
      ...registers,
      collapse,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.#address.value.trim().replace(/^0x/i, "");
      if (/^[0-9a-f]{1,8}$/i.test(text)) this.#go(parseInt(text, 16));
      else this.#note.textContent = "An address has up to eight hexadecimal digits.";
    });
    const head = make("tr");
    for (const title of COLUMNS) head.append(make("th", { scope: "col" }, title));
    const table = make(
      "table",
      { class: "rows tree", role: "treegrid", "aria-label": "Page tables" },
      make("thead", {}, head),
      this.#rows,
    );
    treeKeys(this.#rows, (row, open) => this.#toggle(row.dataset.path!, open));
    this.#body = make("div", { class: "panel-body flush" }, table);
    this.element = make(
      "div",
      { class: "panel" },
      form,
      this.#body,
      make("div", { class: "panel-foot" }, this.#note),
    );
  }

  shown(): void {
    this.machine.watch("memory", this.#options());
  }

  hidden(): void {
    this.machine.unwatch("memory");
  }

  reset(): void {
    this.#find = null;
    this.#open.clear();
    for (const path of FIRST_OPEN) this.#open.add(path);
    this.#rows.replaceChildren();
    this.#elements.clear();
    this.#note.textContent = "No page tables yet";
    this.#note.classList.remove("bad");
    this.machine.setOptions("memory", this.#options());
  }

  /** The address at which the guest crashed comes into sight, whatever was looked for before. */
  ended(end: GuestEnd): void {
    if (end.report.length === 0) return;
    this.#seek = true;
    this.#find = null;
    this.#address.value = "";
    this.machine.setOptions("memory", this.#options());
  }

  fed(data: unknown): void {
    const memory = data as MemoryData;
    this.#registers = memory.registers;
    this.#vcpu.show(memory.vcpus, memory.vcpu);
    this.#render(memory);
    const where = memory.root ? `CR3 ${describe(memory.root)}` : "No page tables yet";
    this.#note.textContent = [
      where,
      memory.address === null
        ? ""
        : `${hex8(memory.address)}${memory.crash ? `, of the crash (${memory.crash}),` : ""} is ${
          memory.mapped ? "mapped" : "not mapped"
        }`,
      memory.cut ? "not all entries are shown" : "",
    ].filter(Boolean).join(" · ");
    this.#note.classList.toggle("bad", memory.crash !== "" && !memory.mapped);
  }

  #render({ rows, crash }: MemoryData): void {
    const present = new Set<string>();
    let before: Element | null = null;
    for (const row of rows) {
      present.add(row.path);
      const signature = JSON.stringify(row) + crash;
      let known = this.#elements.get(row.path);
      if (!known) {
        known = { element: make("tr", { tabindex: "-1", role: "row" }), signature: "" };
        this.#elements.set(row.path, known);
      }
      if (known.signature !== signature) {
        fill(known.element, row, crash !== "", () => this.#toggle(row.path, !row.open));
        known.signature = signature;
      }
      const place: Element | null = before
        ? before.nextElementSibling
        : this.#rows.firstElementChild;
      if (place !== known.element) this.#rows.insertBefore(known.element, place);
      before = known.element;
    }
    for (const [path, { element }] of this.#elements) {
      if (present.has(path)) continue;
      element.remove();
      this.#elements.delete(path);
    }
    if (!this.#rows.querySelector("tr[tabindex='0']")) {
      this.#rows.querySelector("tr")?.setAttribute("tabindex", "0");
    }
    const marked = [...this.#rows.querySelectorAll("tr[data-marked]")].at(-1);
    if (this.#seek && marked) {
      marked.scrollIntoView({ block: "center" });
      this.#seek = false;
    }
  }

  #toggle(path: string, open: boolean): void {
    if (open) this.#open.add(path);
    else this.#open.delete(path);
    // the way to an address stays open by itself, until something on it is closed
    if (!open) this.#find = null;
    this.shown();
  }

  #go(address: number | null): void {
    this.#find = address;
    this.#seek = address !== null;
    this.#address.value = address === null ? "" : hex8(address);
    this.shown();
  }

  #options(): MemoryOptions {
    return {
      vcpu: this.#vcpu.chosen,
      open: [...this.#open],
      address: this.#find,
    };
  }
}

function fill(element: HTMLElement, row: EntryRow, crash: boolean, toggle: () => void): void {
  const size = [0, 0xfff, 0x1fffff, 0x3fffffff][row.level];
  const depth = 3 - row.level;
  const twisty = make(
    "span",
    { class: "twisty", "aria-hidden": "true" },
    row.table ? (row.open ? "▾" : "▸") : "",
  );
  if (row.table) twisty.addEventListener("click", toggle);
  const cell = (text: string, kind?: string) => make("td", { role: "gridcell", class: kind }, text);
  const { frame } = row;
  element.replaceChildren(
    make(
      "td",
      { role: "gridcell", class: "address", style: `--depth:${depth}` },
      twisty,
      make("span", { class: "index" }, `L${row.level}[${row.path.split(".").at(-1)}] `),
      make("b", { title: `to ${hex8(row.address + size)}` }, hex8(row.address)),
    ),
    cell(row.value),
    cell(row.flags),
    cell(frame ? hex(frame.mfn) : "", "number"),
    cell(frame ? (frame.pfn === null ? "–" : hex(frame.pfn)) : "", "number"),
    cell(frame ? typeText(frame) : "", "type"),
    cell(frame ? String(frame.count) : "", "number"),
    cell(frame ? frame.owner : ""),
  );
  element.dataset.path = row.path;
  element.setAttribute("aria-level", String(depth + 1));
  if (row.table) element.setAttribute("aria-expanded", String(row.open));
  else element.removeAttribute("aria-expanded");
  element.toggleAttribute("data-marked", row.marked);
  element.toggleAttribute("data-crash", row.marked && crash);
}

function typeText({ type, typeCount, pinned }: FrameInfo): string {
  return type === "" ? "–" : `${type} ×${typeCount}${pinned ? " pinned" : ""}`;
}

function describe(frame: FrameInfo): string {
  return `mfn ${hex(frame.mfn)}, ${typeText(frame)}, ${frame.count} references, ${frame.owner}`;
}

export const create = (machine: MachineWorker): Panel => new MemoryPanel(machine);
