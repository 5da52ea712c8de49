/** The guest's console in the page. */
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";

/** Pixels of a character; as large as leaves room for a screen's usual columns, or the smallest of these. */
const FONT_SIZES = [13, 12, 11];
const COLUMNS = 80;
/** Pixels that the console has at least, where it is in sight. */
const LEAST_WIDTH = 100;

export class ConsoleView {
  readonly #terminal: Terminal;
  readonly #encoder = new TextEncoder();

  /**
   * @param place the element it fills
   * @param typed takes what was typed or pasted
   */
  constructor(place: HTMLElement, typed: (bytes: Uint8Array<ArrayBuffer>) => void) {
    const style = getComputedStyle(document.documentElement);
    this.#terminal = new Terminal({
      fontFamily: style.getPropertyValue("--mono"),
      fontSize: FONT_SIZES[0],
      scrollback: 5000,
      cursorBlink: false,
      convertEol: false,
      screenReaderMode: true,
      theme: {
        background: "#12171a",
        foreground: "#dbe3e6",
        cursor: "#5fbfd0",
        selectionBackground: "#38535c",
      },
    });
    const fit = new FitAddon();
    this.#terminal.loadAddon(fit);
    this.#terminal.open(place);
    // Tab belongs to the guest; with Shift it leaves the terminal, as everywhere on the page.
    this.#terminal.attachCustomKeyEventHandler((event) => !(event.key === "Tab" && event.shiftKey));
    this.#terminal.onData((text) => typed(this.#encoder.encode(text)));
    this.#terminal.onBinary((text) => typed(Uint8Array.from(text, (c) => c.charCodeAt(0))));
    new ResizeObserver(() => {
      // what is not laid out yet, or no more, says nothing; two columns would break the guest's last line for good
      if (place.clientWidth < LEAST_WIDTH) return;
      for (const size of FONT_SIZES) {
        this.#terminal.options.fontSize = size;
        if ((fit.proposeDimensions()?.cols ?? 0) >= COLUMNS) break;
      }
      fit.fit();
    }).observe(place);
  }

  write(bytes: Uint8Array, shown: () => void): void {
    this.#terminal.write(bytes, shown);
  }

  /** A line of ours between the guest's. */
  note(text: string): void {
    this.#terminal.write(`\r\n\x1b[2m${text}\x1b[0m\r\n`);
  }

  /** Empties it for another guest: in turn, as what the last one wrote may not be shown yet. */
  reset(): void {
    this.#terminal.write("\x1bc");
  }

  focus(): void {
    this.#terminal.focus();
  }
}
