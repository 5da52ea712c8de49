/** Tables whose contents come anew each time, and in which only the rows that differ are touched. */
import { make } from "./dom.ts";

export interface Cell {
  text: string;
  kind?: string;
}

export class DataTable {
  readonly element: HTMLTableElement;
  readonly #body = make("tbody");
  #shown: string[] = [];

  /**
   * @param label what it is called
   * @param columns their titles
   */
  constructor(label: string, columns: string[], id: string) {
    const head = make("tr");
    for (const title of columns) head.append(make("th", { scope: "col" }, title));
    this.#body.id = id;
    this.element = make(
      "table",
      { class: "rows", "aria-label": label },
      make("thead", {}, head),
      this.#body,
    );
  }

  /**
   * Shows rows.
   *
   * @param rows cells, and attributes of the whole row
   */
  show(rows: { cells: (Cell | string)[]; attributes?: Record<string, string | boolean> }[]): void {
    rows.forEach(({ cells, attributes = {} }, n) => {
      const signature = JSON.stringify([cells, attributes]);
      if (this.#shown[n] === signature) return;
      this.#shown[n] = signature;
      const fresh = make("tr", attributes);
      for (const cell of cells) {
        const { text, kind } = typeof cell === "string" ? { text: cell } : cell;
        fresh.append(make("td", { class: kind }, text));
      }
      const old = this.#body.children[n];
      old ? old.replaceWith(fresh) : this.#body.append(fresh);
    });
    while (this.#body.childElementCount > rows.length) this.#body.lastElementChild!.remove();
    this.#shown.length = rows.length;
  }
}
