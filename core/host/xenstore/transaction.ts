/**
 * A transaction: a snapshot of the tree that the guest changes for itself, and the memory of what it
 * looked at, by which its end finds out whether someone else got in between.
 */
import { StoreError } from "./error.ts";
import { QUOTA } from "./quota.ts";
import { find, put, remove, type Tree } from "./tree.ts";
import { parentPath } from "./path.ts";

/** Generation noted for a path that had no node. */
const ABSENT = -1;

export class Transaction {
  tree: Tree;
  private readonly seen = new Map<string, number>();
  /** Paths changed, in order; true when the node was removed at some time within. */
  private readonly changed = new Map<string, boolean>();

  /**
   * @param base the tree when the transaction began
   * @param limited whether the quota on its nodes holds (not for the host's own)
   */
  constructor(readonly base: Tree, private readonly limited: boolean) {
    this.tree = base;
  }

  /**
   * Notes that the outcome depends on this node.
   *
   * @throws StoreError ENOSPC when the transaction has looked at too many
   */
  noteSeen(path: string): void {
    if (this.seen.has(path)) return;
    if (this.limited && this.seen.size >= QUOTA.transactionNodes) throw new StoreError("ENOSPC");
    this.seen.set(path, find(this.base, path)?.generation ?? ABSENT);
  }

  /** Notes that this node was written (`removed` false) or removed with all below. */
  noteChanged(path: string, removed: boolean): void {
    this.changed.set(path, removed || (this.changed.get(path) ?? false));
  }

  get paths(): Iterable<string> {
    return this.changed.keys();
  }

  /** Whether a node that this transaction looked at differs in `now` from what it saw. */
  conflictsWith(now: Tree): boolean {
    if (now === this.base) return false;
    for (const [path, generation] of this.seen) {
      if ((find(now, path)?.generation ?? ABSENT) !== generation) return true;
    }
    return false;
  }

  /** The tree `now` with this transaction's changes made to it. */
  applyTo(now: Tree, generation: number): Tree {
    if (now === this.base) return this.tree;
    let tree = now;
    for (const [path, removed] of this.changed) {
      if (removed && find(tree, path)) tree = remove(tree, path, generation);
    }
    const byDepth = [...this.changed.keys()].sort((a, b) => a.length - b.length);
    for (const path of byDepth) {
      const node = find(this.tree, path);
      // A node written first and then lost with its parent is not there: nothing is left to do.
      if (node && (path === "/" || find(tree, parentPath(path)))) {
        tree = put(tree, path, node.value, node.permissions, generation);
      }
    }
    return tree;
  }
}
