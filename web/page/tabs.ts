/**
 * The panels' tabs: one panel is in sight at a time, and only that one is fed. Arrow keys, Home and
 * End move between tabs, of which one alone is in the page's tab order (ARIA's tabs pattern).
 */
import type { FeedName, GuestEnd } from "../protocol.ts";
import { make } from "./dom.ts";
import { openGuide } from "./guide.ts";
import type { MachineWorker } from "./machine.ts";

/** What a panel is to the tabs. */
export interface Panel {
  readonly element: HTMLElement;
  /** It is in sight: it may watch its feed. */
  shown(): void;
  /** It is not. */
  hidden(): void;
  /** Data of its feed. */
  fed(data: unknown): void;
  /** Another guest boots. */
  reset?(): void;
  /** The guest has ended. */
  ended?(end: GuestEnd): void;
}

interface PanelEntry {
  feed: FeedName;
  title: string;
  /** A line that says what it shows; the guide has more. */
  hint: string;
  load(): Promise<(machine: MachineWorker) => Panel>;
}

const PANELS: PanelEntry[] = [
  {
    feed: "hypercalls",
    hint: "What the guest asks of the hypervisor, as it happens.",
    title: "Hypercalls",
    load: async () => (await import("./panels/hypercalls.ts")).create,
  },
  {
    feed: "memory",
    hint: "Page tables from the top down; of each frame its type, counts and owner.",
    title: "Memory",
    load: async () => (await import("./panels/memory.ts")).create,
  },
  {
    feed: "events",
    hint: "What stands in for interrupts: who may interrupt whom, what waits.",
    title: "Events",
    load: async () => (await import("./panels/events.ts")).create,
  },
  {
    feed: "descriptors",
    hint: "Segments and trap handlers, as the hypervisor has checked them.",
    title: "Descriptors",
    load: async () => (await import("./panels/descriptors.ts")).create,
  },
  {
    feed: "blocks",
    hint: "Where time is spent; x86 and the WebAssembly made of it.",
    title: "Hot code",
    load: async () => (await import("./panels/blocks.ts")).create,
  },
  {
    feed: "counters",
    hint: "Rates and sizes over the last minute.",
    title: "Counters",
    load: async () => (await import("./panels/counters.ts")).create,
  },
];

function hintLine(feed: FeedName, hint: string, title: string): HTMLElement {
  const more = make(
    "button",
    { type: "button", class: "link", "aria-label": `More of ${title}` },
    "More",
  );
  more.addEventListener("click", () => openGuide(feed));
  return make("p", { class: "panel-hint" }, hint, " ", more);
}

export class Tabs {
  readonly #panels = new Map<FeedName, Panel>();
  #current: FeedName | null = null;

  constructor(
    private readonly list: HTMLElement,
    private readonly place: HTMLElement,
    private readonly machine: MachineWorker,
  ) {
    for (const { feed, title, hint } of PANELS) {
      const tab = make("button", {
        type: "button",
        role: "tab",
        id: `tab-${feed}`,
        "aria-controls": `panel-${feed}`,
        "aria-selected": "false",
        tabindex: "-1",
      }, title);
      tab.addEventListener("click", () => this.select(feed));
      const panel = make("div", {
        id: `panel-${feed}`,
        class: "panel",
        role: "tabpanel",
        "aria-labelledby": `tab-${feed}`,
        hidden: true,
      }, hintLine(feed, hint, title));
      panel.append(make("p", { class: "panel-body panel-note" }, "Loading…"));
      list.append(tab);
      place.append(panel);
    }
    list.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("visibilitychange", () => {
      const panel = this.#current && this.#panels.get(this.#current);
      if (panel) document.hidden ? panel.hidden() : panel.shown();
    });
    if (PANELS.length > 0) this.select(PANELS[0].feed);
  }

  /** Brings a panel into sight; it is loaded the first time. */
  async select(feed: FeedName): Promise<void> {
    if (feed === this.#current) return;
    if (this.#current) this.#panels.get(this.#current)?.hidden();
    this.#current = feed;
    for (const entry of PANELS) {
      const chosen = entry.feed === feed;
      const tab = this.list.querySelector<HTMLElement>(`#tab-${entry.feed}`)!;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      this.place.querySelector<HTMLElement>(`#panel-${entry.feed}`)!.hidden = !chosen;
    }
    if (!this.#panels.has(feed) && !await this.#load(feed)) return;
    if (this.#current === feed && !document.hidden) this.#panels.get(feed)!.shown();
  }

  /** Loads a panel's code. @returns whether it could be had; if not, the panel says why */
  async #load(feed: FeedName): Promise<boolean> {
    const place = this.place.querySelector(`#panel-${feed}`)!;
    try {
      const create = await PANELS.find((entry) => entry.feed === feed)!.load();
      if (this.#panels.has(feed)) return true;
      const panel = create(this.machine);
      this.#panels.set(feed, panel);
      place.lastElementChild!.replaceWith(panel.element);
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      place.lastElementChild!.replaceWith(
        make("p", { class: "panel-body" }, `This panel cannot be loaded: ${why}`),
      );
      return false;
    }
  }

  fed(feed: FeedName, data: unknown): void {
    if (feed === this.#current) this.#panels.get(feed)?.fed(data);
  }

  reset(): void {
    for (const panel of this.#panels.values()) panel.reset?.();
  }

  ended(end: GuestEnd): void {
    for (const panel of this.#panels.values()) panel.ended?.(end);
  }

  #key(event: KeyboardEvent): void {
    const at = PANELS.findIndex((entry) => entry.feed === this.#current);
    const to = {
      ArrowRight: (at + 1) % PANELS.length,
      ArrowLeft: (at + PANELS.length - 1) % PANELS.length,
      Home: 0,
      End: PANELS.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const { feed } = PANELS[to];
    this.select(feed);
    this.list.querySelector<HTMLElement>(`#tab-${feed}`)!.focus();
  }
}
