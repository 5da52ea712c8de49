/**
 * A guest's connection to the store through its ring page: requests come in and replies and watch
 * events go out, cut at whatever places the ring has room. Reference: Xen public header
 * io/xs_wire.h (struct xenstore_domain_interface), docs/misc/xenstore-ring.txt.
 */
import { ByteRing, type GuestPage } from "../guest_page.ts";
import { StoreError } from "./error.ts";
import { QUOTA } from "./quota.ts";
import type { Client } from "./requests.ts";
import { encodeMessage, type Message, MessageReader, PAYLOAD_MAX, toBytes, XS } from "./wire.ts";

const RING_SIZE = 1024;
const REQ = 0;
const RSP = 0x400;
const REQ_CONS = 0x800;
const REQ_PROD = 0x804;
const RSP_CONS = 0x808;
const RSP_PROD = 0x80c;
const SERVER_FEATURES = 0x810;
const CONNECTION = 0x814;
const ERROR = 0x818;

/** server_features: the guest may ask for a reconnection, and `error` tells it what went wrong. */
const FEATURES = 1 | 2;
const CONNECTED = 0;
const RECONNECT = 1;

const ERROR_NONE = 0;
const ERROR_RING_INDEX = 2;
const ERROR_PROTOCOL = 3;

/** What the connection needs to know of its surroundings. */
export interface ConnectionHost {
  /** Makes the guest's end of the event channel pending. */
  notify(): void;
  /** A line for the hypervisor's log. */
  log(line: string): void;
  /** The client that carries out this guest's requests, its events going to `sink`. */
  client(sink: (path: string, token: string) => void): Client;
}

export class Connection {
  private readonly requests: ByteRing;
  private readonly replies: ByteRing;
  private readonly reader = new MessageReader();
  private client: Client;
  private output: Uint8Array[] = [];
  private outputSize = 0;
  private lostEvents = false;
  private broken = false;

  constructor(private readonly page: GuestPage, private readonly host: ConnectionHost) {
    this.requests = new ByteRing(page, REQ, RING_SIZE, REQ_CONS, REQ_PROD);
    this.replies = new ByteRing(page, RSP, RING_SIZE, RSP_CONS, RSP_PROD);
    this.client = host.client((path, token) => this.event(path, token));
    page.store(SERVER_FEATURES, FEATURES);
  }

  /** Whether replies or events wait for room on the ring. */
  get waiting(): boolean {
    return this.outputSize > 0;
  }

  /** Takes and answers what the guest has asked, as far as the rings allow. */
  service(): void {
    if (this.page.load(CONNECTION) === RECONNECT) this.reconnect();
    if (this.broken) return;
    let moved = this.flush();
    while (this.outputSize < QUOTA.output && !this.broken) {
      if (this.requests.used < 0) {
        this.fail(ERROR_RING_INDEX, "request ring indices make no sense");
        break;
      }
      const bytes = this.requests.read(this.reader.wanted);
      if (bytes.length === 0) break;
      moved = true;
      this.take(bytes);
      if (!this.broken) this.flush();
    }
    if (moved) this.host.notify();
  }

  /** Sends what the ring has room for; called when something happened that the guest did not ask for. */
  push(): void {
    if (!this.broken && this.flush()) this.host.notify();
  }

  /** The domain is gone: drops everything. */
  close(): void {
    this.client.close();
    this.output = [];
    this.outputSize = 0;
    this.broken = true;
  }

  private take(bytes: Uint8Array): void {
    let message: Message | null;
    try {
      message = this.reader.push(bytes);
    } catch {
      this.fail(ERROR_PROTOCOL, "a message is longer than the protocol allows");
      return;
    }
    if (message) this.answer(message);
  }

  /** Replies before the events that the request itself caused, as a guest expects of WATCH. */
  private answer(m: Message): void {
    const place = this.output.length;
    let reply: Message;
    try {
      reply = { ...m, payload: this.client.handle(m) };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      reply = { ...m, type: XS.ERROR, payload: toBytes(error.errno + "\0") };
    }
    this.enqueue(reply, place);
  }

  private event(path: string, token: string): void {
    const payload = toBytes(`${path}\0${token}\0`);
    if (payload.length > PAYLOAD_MAX) return;
    if (this.outputSize + payload.length > QUOTA.events) {
      if (!this.lostEvents) {
        this.host.log("xenstore: the guest leaves its events lie; some are lost");
      }
      this.lostEvents = true;
      return;
    }
    this.enqueue({ type: XS.WATCH_EVENT, reqId: 0, txId: 0, payload }, this.output.length);
  }

  private enqueue(m: Message, place: number): void {
    const bytes = encodeMessage(m);
    this.output.splice(place, 0, bytes);
    this.outputSize += bytes.length;
  }

  private flush(): boolean {
    let moved = false;
    while (this.output.length > 0) {
      if (this.replies.used < 0) {
        this.fail(ERROR_RING_INDEX, "reply ring indices make no sense");
        return moved;
      }
      const n = this.replies.write(this.output[0]);
      if (n === 0) break;
      moved = true;
      this.outputSize -= n;
      if (n < this.output[0].length) this.output[0] = this.output[0].subarray(n);
      else this.output.shift();
    }
    return moved;
  }

  private fail(error: number, why: string): void {
    this.host.log(`xenstore: ${why}; the guest's connection is given up`);
    this.close();
    this.page.store(ERROR, error);
    this.host.notify();
  }

  private reconnect(): void {
    this.close();
    this.reader.reset();
    this.client = this.host.client((path, token) => this.event(path, token));
    this.broken = false;
    this.lostEvents = false;
    for (const index of [REQ_CONS, REQ_PROD, RSP_CONS, RSP_PROD]) this.page.store(index, 0);
    this.page.store(ERROR, ERROR_NONE);
    this.page.store(CONNECTION, CONNECTED);
    this.host.notify();
  }
}
