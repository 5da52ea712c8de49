/**
 * The hypervisor's log: its own lines, marked (XEN), and what guests write by console_io, marked
 * with the guest's number, as Xen's own console shows them.
 */

/** Takes one finished line, without its newline. */
export type LogSink = (line: string) => void;

export class Log {
  private readonly decoder = new TextDecoder("latin1");

  constructor(private readonly sink: LogSink) {}

  /** A line of the hypervisor's own. */
  line(text: string): void {
    this.sink(`(XEN) ${text}`);
  }

  /** A line that a guest wrote; the core puts lines together and leaves out what does not print. */
  guest(domid: number, bytes: Uint8Array): void {
    this.sink(`(d${domid}) ${this.decoder.decode(bytes)}`);
  }
}
