/** A guest's end of the xenstore ring, over plain memory, for tests. */
import { GuestPage } from "../../../core/host/guest_page.ts";
import { Xenstore } from "../../../core/host/xenstore/daemon.ts";
import {
  encodeMessage,
  fromBytes,
  type Message,
  MessageReader,
  toBytes,
  XS,
} from "../../../core/host/xenstore/wire.ts";

export const REQ_CONS = 0x800;
export const REQ_PROD = 0x804;
export const RSP_CONS = 0x808;
export const RSP_PROD = 0x80c;
export const CONNECTION = 0x814;
export const ERROR = 0x818;

/** What a request brought back: an error's name, or the payload as text. */
export interface Answer {
  error: string | null;
  text: string;
}

export class GuestEnd {
  readonly page = new GuestPage({ buffer: new ArrayBuffer(4096) }, 0);
  readonly events: string[] = [];
  readonly log: string[] = [];
  notified = 0;
  private readonly reader = new MessageReader();
  private reqId = 0;

  constructor(readonly store: Xenstore, readonly domid: number) {
    store.introduce(domid, this.page, {
      notify: () => this.notified++,
      log: (line) => this.log.push(line),
    });
  }

  /** Puts as many of these bytes on the request ring as fit, and says how many. */
  send(bytes: Uint8Array): number {
    const [cons, prod] = [this.page.load(REQ_CONS), this.page.load(REQ_PROD)];
    const n = Math.min(bytes.length, 1024 - ((prod - cons) >>> 0));
    for (let i = 0; i < n; i++) this.page.bytes[(prod + i) & 1023] = bytes[i];
    this.page.store(REQ_PROD, (prod + n) >>> 0);
    return n;
  }

  /** Takes what lies on the reply ring and gives the messages that it completes. */
  receive(): Message[] {
    const messages: Message[] = [];
    for (;;) {
      const [cons, prod] = [this.page.load(RSP_CONS), this.page.load(RSP_PROD)];
      const n = Math.min((prod - cons) >>> 0, this.reader.wanted);
      if (n === 0) return messages;
      const bytes = new Uint8Array(n);
      for (let i = 0; i < n; i++) bytes[i] = this.page.bytes[0x400 + ((cons + i) & 1023)];
      this.page.store(RSP_CONS, (cons + n) >>> 0);
      const message = this.reader.push(bytes);
      if (message) messages.push(message);
    }
  }

  /** Makes a request and waits for its reply; events met on the way go to `events`. */
  ask(type: number, payload: string, txId = 0): Answer {
    const reqId = ++this.reqId;
    let rest = encodeMessage({ type, reqId, txId, payload: toBytes(payload) });
    for (let turn = 0; turn < 10_000; turn++) {
      rest = rest.subarray(this.send(rest));
      this.store.service();
      let answer: Answer | null = null;
      for (const m of this.receive()) {
        if (m.type === XS.WATCH_EVENT) this.events.push(fromBytes(m.payload));
        else answer = this.answer(m, type, reqId, txId);
      }
      if (answer) return answer;
    }
    throw new Error("no reply");
  }

  private answer(m: Message, type: number, reqId: number, txId: number): Answer {
    if (m.reqId !== reqId || m.txId !== txId) throw new Error("a reply to something else");
    const text = fromBytes(m.payload);
    if (m.type === XS.ERROR) return { error: text.slice(0, -1), text: "" };
    if (m.type !== type) throw new Error(`a reply of type ${m.type}`);
    return { error: null, text };
  }

  /** Events that have come up to now; forgets them. */
  takeEvents(): string[] {
    for (let before = -1; before !== this.events.length;) {
      before = this.events.length;
      this.store.service();
      for (const m of this.receive()) {
        if (m.type === XS.WATCH_EVENT) this.events.push(fromBytes(m.payload));
      }
    }
    return this.events.splice(0).map((text) => text.replaceAll("\0", " ").trim());
  }
}

/** A store with one guest that owns its home. */
export function oneGuest(domid = 1): { store: Xenstore; guest: GuestEnd } {
  const store = new Xenstore();
  store.write(`/local/domain/${domid}`, "", ["n0", `r${domid}`]);
  store.write(`/local/domain/${domid}/data`, "", [`n${domid}`]);
  store.write(`/local/domain/${domid}/name`, "guest", ["n0", `r${domid}`]);
  return { store, guest: new GuestEnd(store, domid) };
}
