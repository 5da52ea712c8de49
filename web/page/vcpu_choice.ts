/** Which vCPU a panel shows: a choice that is there only where there are several. */
import { make } from "./dom.ts";

export class VcpuChoice {
  readonly element: HTMLSelectElement;

  constructor(id: string, changed: () => void) {
    this.element = make("select", { id, "aria-label": "vCPU", hidden: true });
    this.element.addEventListener("change", changed);
  }

  get chosen(): number {
    return Math.max(0, this.element.selectedIndex);
  }

  /** There are so many, of which this one is shown. */
  show(count: number, shown: number): void {
    const { element } = this;
    element.hidden = count < 2;
    while (element.options.length < count) {
      element.append(make("option", {}, `v${element.options.length}`));
    }
    element.options.length = count;
    if (document.activeElement !== element) element.selectedIndex = shown;
  }
}
