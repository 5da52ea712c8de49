/** The trace: hypercalls with decoded arguments and results, traps, events, page-table entries. */
import {
  TRACE_KINDS,
  type TraceData,
  type TraceKind,
  type TraceOptions,
  type TraceRow,
} from "../../feeds.ts";
import { make } from "../dom.ts";
import type { MachineWorker } from "../machine.ts";
import type { Panel } from "../tabs.ts";

/** Rows that are kept. */
const KEPT = 500;
/** Pixels from the end that still count as the end: rows have their true heights only once they are in sight. */
const NEAR = 250;
const KIND_LABELS: Record<TraceKind, string> = {
  hypercall: "hypercalls",
  trap: "traps",
  event: "events",
  mmu: "page tables",
};

class TracePanel implements Panel {
  readonly element: HTMLElement;
  readonly #rows = make("tbody", { id: "trace-rows", role: "rowgroup" });
  readonly #body: HTMLElement;
  readonly #note = make("p", { class: "panel-note", id: "trace-note" });
  readonly #filter = make("input", {
    type: "search",
    id: "trace-filter",
    placeholder: "words, -without",
    "aria-label": "Filter by words",
    spellcheck: "false",
  });
  readonly #bad = make("input", { type: "checkbox", id: "trace-bad" });
  readonly #kinds = new Map<TraceKind, HTMLInputElement>();
  readonly #hold = make(
    "button",
    { type: "button", id: "trace-hold", "aria-pressed": "false" },
    "Hold",
  );
  #held = false;
  /** The last row is in sight, and what comes is scrolled to. */
  #atEnd = true;
  #total = 0;
  #rate = { since: 0, seen: 0 };

  constructor(private readonly machine: MachineWorker) {
    const clear = make("button", { type: "button", id: "trace-clear" }, "Clear");
    const kinds = TRACE_KINDS.map((kind) => {
      const box = make("input", {
        type: "checkbox",
        id: `trace-${kind}`,
        checked: kind === "hypercall",
      });
      this.#kinds.set(kind, box);
      return make("label", {}, box, KIND_LABELS[kind]);
    });
    const tools = make(
      "div",
      { class: "panel-tools" },
      this.#filter,
      this.#hold,
      clear,
      make("div", { class: "kinds" }, ...kinds, make("label", {}, this.#bad, "errors only")),
    );
    const head = make("tr", { role: "row" });
    for (const title of ["#", "vCPU", "what", "details", "result"]) {
      head.append(make("th", { scope: "col", role: "columnheader" }, title));
    }
    this.#body = make(
      "div",
      { class: "panel-body flush", tabindex: "0", role: "region", "aria-label": "Trace" },
      make(
        "table",
        { class: "rows trace", role: "table", "aria-label": "Trace" },
        make("thead", { role: "rowgroup" }, head),
        this.#rows,
      ),
    );
    this.element = make(
      "div",
      { class: "panel" },
      tools,
      this.#body,
      make("div", { class: "panel-foot" }, this.#note),
    );
    this.#body.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#body;
      this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    }, { passive: true });
    tools.addEventListener("change", () => this.shown());
    this.#filter.addEventListener("input", () => this.shown());
    clear.addEventListener("click", () => this.reset());
    this.#hold.addEventListener("click", () => {
      this.#held = !this.#held;
      this.#hold.setAttribute("aria-pressed", String(this.#held));
      this.#held ? this.hidden() : this.shown();
    });
    this.reset();
  }

  shown(): void {
    if (!this.#held) this.machine.watch("hypercalls", this.#options());
  }

  hidden(): void {
    this.machine.unwatch("hypercalls");
  }

  fed(data: unknown): void {
    const { rows, seen, skipped } = data as TraceData;
    const fresh = document.createDocumentFragment();
    for (const row of rows) fresh.append(rowElement(row));
    if (skipped > 0) {
      fresh.append(
        make(
          "tr",
          { class: "gap", role: "row" },
          make("td"),
          make("td"),
          make("td", { colspan: "3" }, `… ${skipped.toLocaleString("en")} more, too fast to show`),
        ),
      );
    }
    this.#rows.append(fresh);
    for (let over = this.#rows.childElementCount - KEPT; over > 0; over--) {
      this.#rows.firstElementChild!.remove();
    }
    if (this.#atEnd) this.#body.scrollTop = 1e7;
    this.#count(seen);
  }

  reset(): void {
    this.#rows.replaceChildren();
    this.#total = 0;
    this.#note.textContent = "Nothing yet. What happens from now on is shown here.";
  }

  #count(seen: number): void {
    this.#total += seen;
    this.#rate.seen += seen;
    const now = performance.now();
    const seconds = (now - this.#rate.since) / 1000;
    if (seconds < 0.5) return;
    const rate = seconds > 5
      ? ""
      : `, ${Math.round(this.#rate.seen / seconds).toLocaleString("en")} a second`;
    this.#note.textContent = `${
      this.#total.toLocaleString("en")
    } since this panel was opened${rate}`;
    this.#rate = { since: now, seen: 0 };
  }

  #options(): TraceOptions {
    return {
      kinds: TRACE_KINDS.filter((kind) => this.#kinds.get(kind)!.checked),
      words: this.#filter.value.toLowerCase().split(/\s+/).filter(Boolean),
      bad: this.#bad.checked,
    };
  }
}

/** A row; the roles are said because the style makes a grid of it. */
function rowElement(row: TraceRow): HTMLElement {
  const cell = (kind: string, text: string) => make("td", { role: "cell", class: kind }, text);
  const name = cell("name", row.name);
  if (row.depth) name.style.paddingLeft = `${8 + row.depth * 14}px`;
  return make(
    "tr",
    { role: "row", "data-kind": row.kind, "data-bad": row.bad },
    cell("number", String(row.n)),
    cell("", row.vcpu),
    name,
    cell("details", row.details),
    cell("result", row.result || "…"),
  );
}

export const create = (machine: MachineWorker): Panel => new TracePanel(machine);
