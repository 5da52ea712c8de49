/**
 * What each request of a guest means: payload in, payload out. Reference: docs/misc/xenstore.txt;
 * errors as Xen 4.17's xenstored gives them.
 */
import { StoreError } from "./error.ts";
import { canonicalPath, domainPath } from "./path.ts";
import { formatPermission, parsePermissions } from "./permissions.ts";
import { QUOTA } from "./quota.ts";
import type { Store } from "./store.ts";
import type { Transaction } from "./transaction.ts";
import type { EventSink, Watches } from "./watches.ts";
import { fromBytes, type Message, PAYLOAD_MAX, splitStrings, toBytes, XS } from "./wire.ts";

const ACK = toBytes("OK\0");

/** Requests that only the toolstack may make. */
const PRIVILEGED: ReadonlySet<number> = new Set([
  XS.CONTROL,
  XS.INTRODUCE,
  XS.RELEASE,
  XS.RESUME,
  XS.SET_TARGET,
]);

/** Requests that take no part in transactions, whatever number they carry. */
const OUTSIDE: ReadonlySet<number> = new Set<number>([
  XS.CONTROL,
  XS.WATCH,
  XS.UNWATCH,
  XS.RESET_WATCHES,
  XS.INTRODUCE,
  XS.RELEASE,
  XS.GET_DOMAIN_PATH,
  XS.IS_DOMAIN_INTRODUCED,
  XS.RESUME,
  XS.SET_TARGET,
]);

/** One domain's dealings with the store: its open transactions, and what its requests do. */
export class Client {
  private readonly transactions = new Map<number, Transaction>();
  private lastTransaction = 0;

  /**
   * @param isIntroduced whether a domain of that number is connected to the store
   * @param sink where this domain's watch events go
   */
  constructor(
    readonly domid: number,
    private readonly store: Store,
    private readonly watches: Watches,
    private readonly isIntroduced: (domid: number) => boolean,
    private readonly sink: EventSink,
  ) {}

  /**
   * Carries out one request.
   *
   * @returns the reply's payload
   * @throws StoreError the error to reply with
   */
  handle(m: Message): Uint8Array {
    if (PRIVILEGED.has(m.type)) throw new StoreError("EACCES");
    const t = OUTSIDE.has(m.type) ? undefined : this.transaction(m.txId);
    switch (m.type) {
      case XS.DIRECTORY:
        return this.directory(this.path(m), t);
      case XS.DIRECTORY_PART:
        return this.directoryPart(m, t);
      case XS.READ:
        return this.store.read(this.path(m), this.domid, t).value;
      case XS.WRITE:
        return this.write(m, t);
      case XS.MKDIR:
        this.store.mkdir(this.path(m), this.domid, t);
        return ACK;
      case XS.RM:
        this.store.rm(this.path(m), this.domid, t);
        return ACK;
      case XS.GET_PERMS: {
        const { permissions } = this.store.read(this.path(m), this.domid, t);
        return toBytes(permissions.map((p) => formatPermission(p) + "\0").join(""));
      }
      case XS.SET_PERMS: {
        const [path, ...entries] = strings(m, 2);
        const permissions = parsePermissions(entries);
        this.store.setPermissions(this.canonical(path), permissions, this.domid, t);
        return ACK;
      }
      case XS.TRANSACTION_START:
        return this.begin(m);
      case XS.TRANSACTION_END:
        return this.end(m, t);
      case XS.WATCH: {
        const [path, token] = strings(m, 2);
        this.watches.add(this.domid, path, token, this.sink);
        return ACK;
      }
      case XS.UNWATCH: {
        const [path, token] = strings(m, 2);
        this.watches.remove(this.domid, path, token);
        return ACK;
      }
      case XS.RESET_WATCHES:
        this.watches.clear(this.domid);
        return ACK;
      case XS.GET_DOMAIN_PATH:
        return toBytes(domainPath(domainNumber(m)) + "\0");
      case XS.IS_DOMAIN_INTRODUCED:
        return toBytes(this.isIntroduced(domainNumber(m)) ? "T\0" : "F\0");
      default:
        throw new StoreError("ENOSYS");
    }
  }

  /** Gives up everything the domain holds: transactions and watches. */
  close(): void {
    this.transactions.clear();
    this.watches.clear(this.domid);
  }

  private transaction(id: number): Transaction | undefined {
    if (id === 0) return undefined;
    const t = this.transactions.get(id);
    if (!t) throw new StoreError("ENOENT");
    return t;
  }

  private begin(m: Message): Uint8Array {
    if (m.txId !== 0) throw new StoreError("EBUSY");
    if (this.transactions.size >= QUOTA.transactions) throw new StoreError("ENOSPC");
    do this.lastTransaction = (this.lastTransaction % 0x7fffffff) + 1; while (
      this.transactions.has(this.lastTransaction)
    );
    this.transactions.set(this.lastTransaction, this.store.begin(this.domid));
    return toBytes(`${this.lastTransaction}\0`);
  }

  private end(m: Message, t: Transaction | undefined): Uint8Array {
    const verdict = fromBytes(m.payload);
    if (verdict !== "T\0" && verdict !== "F\0") throw new StoreError("EINVAL");
    if (!t) throw new StoreError("ENOENT");
    this.transactions.delete(m.txId);
    if (verdict === "T\0") this.store.commit(t, this.domid);
    return ACK;
  }

  private write(m: Message, t?: Transaction): Uint8Array {
    const nul = m.payload.indexOf(0);
    if (nul < 0) throw new StoreError("EINVAL");
    const path = this.canonical(fromBytes(m.payload.subarray(0, nul)));
    this.store.write(path, m.payload.slice(nul + 1), this.domid, t);
    return ACK;
  }

  private directory(path: string, t?: Transaction): Uint8Array {
    const names = childNames(this.store, path, this.domid, t);
    if (names.length > PAYLOAD_MAX) throw new StoreError("E2BIG");
    return toBytes(names);
  }

  /** A piece of a long directory: the node's generation, names from an offset on, an empty one last. */
  private directoryPart(m: Message, t?: Transaction): Uint8Array {
    const [given, offset] = strings(m, 2);
    if (!/^[0-9]{1,9}$/.test(offset)) throw new StoreError("EINVAL");
    const path = this.canonical(given);
    const { generation } = this.store.read(path, this.domid, t);
    const rest = childNames(this.store, path, this.domid, t).slice(Number(offset));
    const head = `${generation}\0`;
    const room = PAYLOAD_MAX - head.length - 1;
    if (rest.length <= room) return toBytes(head + rest + "\0");
    return toBytes(head + rest.slice(0, rest.lastIndexOf("\0", room - 1) + 1));
  }

  private path(m: Message): string {
    return this.canonical(strings(m, 1, 1)[0]);
  }

  private canonical(path: string): string {
    return canonicalPath(path, this.domid);
  }
}

/** The payload's strings, at least `least` and at most `most` of them; else EINVAL. */
function strings(m: Message, least: number, most = Infinity): string[] {
  const all = splitStrings(m.payload);
  if (!all || all.length < least || all.length > most) throw new StoreError("EINVAL");
  return all;
}

function domainNumber(m: Message): number {
  const [text] = strings(m, 1, 1);
  if (!/^[0-9]{1,5}$/.test(text)) throw new StoreError("EINVAL");
  return Number(text);
}

function childNames(store: Store, path: string, domid: number, t?: Transaction): string {
  let names = "";
  for (const name of store.read(path, domid, t).children.keys()) names += name + "\0";
  return names;
}
