/** Hot places of the guest's code; of the chosen one, its x86 and the WebAssembly made of it. */
import type { BlocksData, CodeAnswer, CodeQuestion, HotPlace } from "../../feeds.ts";
import { make } from "../dom.ts";
import { hex8 } from "../hex.ts";
import type { MachineWorker } from "../machine.ts";
import type { Panel } from "../tabs.ts";

/** Text that can be scrolled by keys. */
const codeText = (id: string, label: string) =>
  make("pre", { id, tabindex: "0", role: "region", "aria-label": label });

class BlocksPanel implements Panel {
  readonly element: HTMLElement;
  readonly #list = make("tbody", { id: "blocks-rows" });
  readonly #note = make("p", { class: "panel-note", id: "blocks-note" });
  readonly #x86 = codeText("blocks-x86", "x86");
  readonly #wasm = codeText("blocks-wasm", "WebAssembly");
  readonly #title = make("h2", { id: "blocks-title" }, "Choose a place above to see its code");
  #places: HotPlace[] = [];
  #chosen: number | null = null;
  /** The chosen place's translation, as its code was asked for; null while it has none. */
  #translation: string | null = null;
  /** Counts choices: an answer that comes after the next question is not shown. */
  #asked = 0;

  constructor(private readonly machine: MachineWorker) {
    const head = make("tr");
    for (const title of ["share", "address", "symbol", "tier", "blocks", "instructions", "bytes"]) {
      head.append(make("th", { scope: "col" }, title));
    }
    const hold = make(
      "div",
      { class: "panel-body flush hot" },
      make(
        "table",
        { class: "rows places", "aria-label": "Hot places" },
        make("thead", {}, head),
        this.#list,
      ),
    );
    this.element = make(
      "div",
      { class: "panel" },
      hold,
      make(
        "section",
        { class: "code", "aria-labelledby": "blocks-title" },
        this.#title,
        make("div", { class: "side" }, make("h3", {}, "x86"), this.#x86),
        make("div", { class: "side" }, make("h3", {}, "WebAssembly"), this.#wasm),
      ),
      make("div", { class: "panel-foot" }, this.#note),
    );
    this.reset();
  }

  shown(): void {
    this.machine.watch("blocks");
  }

  hidden(): void {
    this.machine.unwatch("blocks");
  }

  reset(): void {
    this.#asked++;
    this.#chosen = null;
    this.#places = [];
    this.#list.replaceChildren();
    this.#title.textContent = "Choose a place above to see its code";
    this.#x86.textContent = this.#wasm.textContent = "";
    this.#note.textContent = "The guest is idle. Places appear while it works; try bench or hog.";
  }

  fed(data: unknown): void {
    const { places } = data as BlocksData;
    // an idle guest's last places stay, to be looked at
    if (places.length === 0) return;
    this.#places = places;
    this.#note.textContent = `${places.length} places, by instructions of late`;
    this.#render();
    if (this.#chosen === null) return;
    // it was translated meanwhile, or its region has grown
    const chosen = places.find(({ eip }) => eip === this.#chosen);
    const now = chosen ? translationOf(chosen) : null;
    if (now ? now !== this.#translation : this.#translation === null) this.#ask(this.#chosen);
  }

  #render(): void {
    const focused = document.activeElement?.closest("tr")?.dataset.eip;
    this.#list.replaceChildren(...this.#places.map((place) => this.#row(place)));
    if (focused) this.#list.querySelector<HTMLElement>(`[data-eip="${focused}"] button`)?.focus();
  }

  #row({ eip, symbol, share, region }: HotPlace): HTMLElement {
    const choose = make("button", { type: "button", class: "link" }, hex8(eip));
    choose.addEventListener("click", () => this.#choose(eip));
    const cell = (text: string, kind?: string) => make("td", { class: kind }, text);
    return make(
      "tr",
      { "data-eip": String(eip), "aria-current": String(eip === this.#chosen) },
      make(
        "td",
        { class: "share" },
        make("span", { class: "meter", style: `--share:${share.toFixed(3)}` }),
        `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`,
      ),
      make("td", {}, choose),
      cell(symbol, "details"),
      cell(region ? "translated" : "interpreted", region ? "good" : "quiet"),
      cell(region ? String(region.blocks) : "", "number"),
      cell(region ? String(region.instructions) : "", "number"),
      cell(region ? String(region.bytes) : "", "number"),
    );
  }

  #choose(eip: number): void {
    this.#chosen = eip;
    this.#render();
    this.#title.textContent = `Code at ${hex8(eip)}`;
    this.#x86.textContent = this.#wasm.textContent = "…";
    this.#ask(eip);
  }

  async #ask(eip: number): Promise<void> {
    const mine = ++this.#asked;
    const place = this.#places.find((place) => place.eip === eip);
    this.#translation = place ? translationOf(place) : null;
    try {
      const question: CodeQuestion = { eip };
      const answer = await this.machine.ask("blocks", question) as CodeAnswer | undefined;
      if (!answer || mine !== this.#asked) return;
      const x86 = await x86Text(answer);
      if (mine === this.#asked) this.#x86.textContent = x86;
      const wasm = await wasmOf(answer);
      if (mine !== this.#asked) return;
      this.#wasm.textContent = wasm;
      if (!answer.wasm) this.#translation = null;
    } catch (error) {
      if (mine !== this.#asked) return;
      this.#wasm.textContent = error instanceof Error ? error.message : String(error);
    }
  }
}

/** What tells a place's translations apart. */
function translationOf({ region }: HotPlace): string | null {
  return region && `${region.blocks} ${region.instructions} ${region.growths}`;
}

async function x86Text({ code, bits }: CodeAnswer): Promise<string> {
  if (code.length === 0) return "Its code is not known any more.";
  const { disassemble } = await import("../disassembly/x86.ts");
  return code.map(({ address, bytes, symbol, exact }) =>
    [symbol && `<${symbol}>`, ...disassemble(bytes, address, bits, exact)].filter(Boolean).join(
      "\n",
    )
  ).join("\n\n");
}

async function wasmOf({ wasm }: CodeAnswer): Promise<string> {
  if (!wasm) return "Interpreted: it is not hot enough to be translated, or cannot be.";
  const { wasmText } = await import("../disassembly/wasm.ts");
  return await wasmText(wasm);
}

export const create = (machine: MachineWorker): Panel => new BlocksPanel(machine);
