/**
 * Watches: who wants to hear of changes at or below a path. Reference: docs/misc/xenstore.txt,
 * WATCH; who may hear of what as in Xen 4.17's xenstored.
 */
import { StoreError } from "./error.ts";
import { canonicalPath, domainPath, isNodePath, isWithin, parentPath } from "./path.ts";
import { accessOf, READ } from "./permissions.ts";
import { QUOTA } from "./quota.ts";
import type { Store } from "./store.ts";
import { find, type Tree } from "./tree.ts";

/** Takes an event: the path as the watcher sees it, and the watch's token. */
export type EventSink = (path: string, token: string) => void;

interface Watch {
  readonly domid: number;
  /** Absolute path, or a special name that begins with @. */
  readonly path: string;
  /** What to strip from event paths: the domain's home when the watch was given relative to it. */
  readonly home: string | null;
  readonly token: string;
  readonly sink: EventSink;
}

const SPECIAL_NAMES = ["@introduceDomain", "@releaseDomain"];

export class Watches {
  private readonly byDomain = new Map<number, Watch[]>();

  constructor(store: Store) {
    store.onChange((path, before, after) => this.fire(path, before, after));
  }

  /**
   * Sets a watch. The first event goes out at once.
   *
   * @throws StoreError EINVAL for a bad path, EEXIST for the same path and token again, E2BIG above
   *   the quota
   */
  add(domid: number, given: string, token: string, sink: EventSink): void {
    const special = given.startsWith("@");
    const path = special ? given : canonicalPath(given, domid);
    if (special ? !SPECIAL_NAMES.includes(given) : !isNodePath(path)) {
      throw new StoreError("EINVAL");
    }
    const watches = this.byDomain.get(domid) ?? [];
    if (watches.some((w) => w.path === path && w.token === token)) throw new StoreError("EEXIST");
    if (domid !== 0 && watches.length >= QUOTA.watches) throw new StoreError("E2BIG");
    const home = special || given.startsWith("/") ? null : domainPath(domid);
    const watch = { domid, path, home, token, sink };
    watches.push(watch);
    this.byDomain.set(domid, watches);
    deliver(watch, path);
  }

  /** @throws StoreError ENOENT when there is no such watch */
  remove(domid: number, given: string, token: string): void {
    const path = given.startsWith("@") ? given : canonicalPath(given, domid);
    const watches = this.byDomain.get(domid) ?? [];
    const at = watches.findIndex((w) => w.path === path && w.token === token);
    if (at < 0) throw new StoreError("ENOENT");
    watches.splice(at, 1);
  }

  /** Drops all watches of a domain. */
  clear(domid: number): void {
    this.byDomain.delete(domid);
  }

  /** Tells those who may know that a domain came or went. */
  fireSpecial(name: "@introduceDomain" | "@releaseDomain"): void {
    for (const watch of [...this.byDomain.get(0) ?? []]) {
      if (watch.path === name) deliver(watch, name);
    }
  }

  private fire(path: string, before: Tree, after: Tree): void {
    for (const [domid, watches] of this.byDomain) {
      const seen = mayKnow(path, domid, before, after);
      for (const watch of [...watches]) {
        if (isWithin(path, watch.path)) {
          if (seen) deliver(watch, path);
        } else if (isWithin(watch.path, path) && vanished(watch.path, before, after)) {
          if (mayKnow(watch.path, domid, before, after)) deliver(watch, watch.path);
        }
      }
    }
  }
}

function deliver(watch: Watch, path: string): void {
  const relative = watch.home !== null && isWithin(path, watch.home) && path !== watch.home;
  watch.sink(relative ? path.slice(watch.home!.length + 1) : path, watch.token);
}

function vanished(path: string, before: Tree, after: Tree): boolean {
  return find(before, path) !== null && find(after, path) === null;
}

/** A domain hears of a node that it may read, or whose parent it may read. */
function mayKnow(path: string, domid: number, before: Tree, after: Tree): boolean {
  const tree = find(after, path) ? after : before;
  const node = find(tree, path);
  if (!node) return false;
  if (accessOf(node.permissions, domid) & READ) return true;
  const parent = find(tree, parentPath(path));
  return parent !== null && (accessOf(parent.permissions, domid) & READ) !== 0;
}
