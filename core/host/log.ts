/**
 * The hypervisor's log: its own lines, marked (XEN), and what guests write by console_io, marked
 * with the guest's number, as Xen's own console shows them.
 */

/** Takes one finished line, without its newline. */
export type LogSink = (line: string) => void;

/** A line that grows longer than this is cut into several. */
const LINE_MAX = 1024;

export class Log {
  private readonly partial = new Map<number, string>();
  private readonly decoder = new TextDecoder("latin1");

  constructor(private readonly sink: LogSink) {}

  /** A line of the hypervisor's own. */
  line(text: string): void {
    this.sink(`(XEN) ${text}`);
  }

  /** Text that a guest wrote, in pieces that need not end with a line. */
  guest(domid: number, bytes: Uint8Array): void {
    let text = (this.partial.get(domid) ?? "") + this.decoder.decode(bytes);
    for (;;) {
      const end = text.indexOf("\n");
      const cut = end >= 0 && end <= LINE_MAX ? end : text.length > LINE_MAX ? LINE_MAX : -1;
      if (cut < 0) break;
      this.sink(`(d${domid}) ${printable(text.slice(0, cut))}`);
      text = text.slice(cut === end ? cut + 1 : cut);
    }
    this.partial.set(domid, text);
  }

  /** Shows what a guest left without a newline. */
  flush(domid: number): void {
    const text = this.partial.get(domid);
    this.partial.delete(domid);
    if (text) this.sink(`(d${domid}) ${printable(text)}`);
  }
}

/** Without control characters, which could play tricks on the operator's terminal. */
function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x08\x0a-\x1f\x7f-\x9f]/g, "");
}
