/**
 * The xenstore daemon: the store, the guests connected to it, and what the host itself reads, writes
 * and watches there.
 */
import type { GuestPage } from "../guest_page.ts";
import { Connection } from "./connection.ts";
import { StoreError } from "./error.ts";
import { parsePermissions } from "./permissions.ts";
import { Client } from "./requests.ts";
import { Store } from "./store.ts";
import { find } from "./tree.ts";
import { Watches } from "./watches.ts";
import { fromBytes, toBytes } from "./wire.ts";

/** How a guest's connection reaches the guest and the log. */
export interface GuestLink {
  notify(): void;
  log(line: string): void;
}

/** A machine's store, with the rights of domain 0. Paths are absolute, without a slash at the end. */
export class Xenstore {
  private readonly store = new Store();
  private readonly watches = new Watches(this.store);
  private readonly connections = new Map<number, Connection>();
  private watchCount = 0;
  /** Whether something may wait for a guest. */
  private stirred = false;

  /**
   * @internal
   * @param notice called when the host's own change may have left events for guests to take
   */
  constructor(private readonly notice: () => void = () => {}) {}

  /** @internal Connects a guest through its ring page. */
  introduce(domid: number, page: GuestPage, link: GuestLink): void {
    const client = (sink: (path: string, token: string) => void) =>
      new Client(domid, this.store, this.watches, (id) => this.knows(id), sink);
    this.connections.set(domid, new Connection(page, { ...link, client }));
    this.watches.fireSpecial("@introduceDomain");
    this.stir();
  }

  /** @internal Disconnects a guest that is gone. Its nodes stay until the host removes them. */
  release(domid: number): void {
    this.connections.get(domid)?.close();
    if (this.connections.delete(domid)) this.watches.fireSpecial("@releaseDomain");
    this.stir();
  }

  /**
   * @internal Answers what guests have asked and sends what waits for them.
   *
   * @param domids guests that may have asked something; all when not given
   */
  service(domids: Iterable<number> = this.connections.keys()): void {
    for (const domid of domids) {
      const connection = this.connections.get(domid);
      if (!connection) continue;
      connection.service();
      this.stirred = true;
    }
    if (!this.stirred) return;
    // One guest's request, or the host itself, may have caused events for another; and where a ring
    // was full there may be room by now, of which its guest need not tell.
    this.stirred = false;
    for (const connection of this.connections.values()) {
      if (connection.waiting) connection.push();
      if (connection.waiting) this.stirred = true;
    }
  }

  /** The text of a node, or null when there is none. */
  read(path: string): string | null {
    const node = find(this.store.tree, path);
    return node && fromBytes(node.value);
  }

  /** The names below a node; none when there is no such node. */
  list(path: string): string[] {
    return [...find(this.store.tree, path)?.children.keys() ?? []];
  }

  /**
   * Writes a node as the toolstack does.
   *
   * @param permissions as in SET_PERMS, `n0`, `r5`; left as they are, or inherited, when not given
   */
  write(path: string, value: string, permissions?: string[]): void {
    this.store.write(path, toBytes(value), 0);
    if (permissions) this.store.setPermissions(path, parsePermissions(permissions), 0);
    this.stir();
  }

  /** Removes a node and all below; nothing happens when there is none. */
  remove(path: string): void {
    try {
      this.store.rm(path, 0);
    } catch (error) {
      if (!(error instanceof StoreError) || error.errno !== "ENOENT") throw error;
    }
    this.stir();
  }

  /**
   * Calls back at once and then with each change at or below a path.
   *
   * @returns ends the watch
   */
  watch(path: string, changed: (path: string) => void): () => void {
    const token = String(this.watchCount++);
    this.watches.add(0, path, token, changed);
    return () => this.watches.remove(0, path, token);
  }

  /** Has events sent that may wait for guests. */
  private stir(): void {
    this.stirred = true;
    this.notice();
  }

  /** Whether there is such a domain. */
  private knows(domid: number): boolean {
    return domid === 0 || this.connections.has(domid);
  }
}
