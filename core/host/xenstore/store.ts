/**
 * The store itself: what each request does to the tree, who may, and how much. Knows nothing of
 * rings or messages. Reference: docs/misc/xenstore.txt; errors as Xen 4.17's xenstored gives them.
 */
import { StoreError } from "./error.ts";
import { isNodePath, parentPath, segments } from "./path.ts";
import { accessOf, type Permission, type Permissions, READ, WRITE } from "./permissions.ts";
import { QUOTA } from "./quota.ts";
import { Transaction } from "./transaction.ts";
import {
  emptyTree,
  find,
  findNearest,
  type Fresh,
  type Node,
  put,
  remove,
  type Tree,
  visit,
} from "./tree.ts";

/**
 * Told of each change that is there for all to see, with the trees before and after it. Where nothing was removed
 * the one before may have what is new already.
 */
export type ChangeListener = (path: string, before: Tree, after: Tree) => void;

const NO_VALUE = new Uint8Array(0);

export class Store {
  /** To be looked at before the next change; {@link snapshot} for later. */
  tree: Tree = emptyTree([{ domid: 0, access: 0 }]);
  private generation = 0;
  /** Maps of the tree that no transaction may see. */
  private fresh: Fresh = new WeakSet();
  private readonly listeners = new Set<ChangeListener>();

  onChange(listener: ChangeListener): void {
    this.listeners.add(listener);
  }

  /** Opens a transaction for a domain. */
  begin(domid: number): Transaction {
    return new Transaction(this.snapshot(), domid !== 0);
  }

  /** The tree as it is now, and stays whatever is changed later. */
  snapshot(): Tree {
    this.fresh = new WeakSet();
    return this.tree;
  }

  /**
   * Makes a transaction's changes real and tells of them.
   *
   * @throws StoreError EAGAIN when something it looked at has changed; ENOSPC when the domain would
   *   own too many nodes
   */
  commit(t: Transaction, domid: number): void {
    if (t.conflictsWith(this.tree)) throw new StoreError("EAGAIN");
    const before = this.tree;
    const after = t.applyTo(before, ++this.generation);
    this.checkOwned(after, before, domid);
    this.tree = after;
    for (const path of t.paths) this.tell(path, before, after);
  }

  /** @throws StoreError ENOENT, EACCES */
  read(path: string, domid: number, t?: Transaction): Node {
    return this.get(path, domid, READ, t);
  }

  /** Gives a node a value; makes it and its parents where they are missing. */
  write(path: string, value: Uint8Array, domid: number, t?: Transaction): void {
    const node = this.getOrNull(path, domid, WRITE, t);
    if (node) this.checkSize(node, { value }, domid);
    this.put(path, value, node, domid, t);
  }

  /** Makes an empty node; leaves one that exists as it is. */
  mkdir(path: string, domid: number, t?: Transaction): void {
    if (!this.getOrNull(path, domid, WRITE, t)) this.put(path, NO_VALUE, null, domid, t);
  }

  /**
   * Removes a node and all below.
   *
   * @throws StoreError EINVAL for the root; ENOENT when even the parent does not exist; EACCES
   */
  rm(path: string, domid: number, t?: Transaction): void {
    const node = this.getOrNull(path, domid, WRITE, t);
    if (path === "/") throw new StoreError("EINVAL");
    const tree = t ? t.tree : this.tree;
    if (!node) {
      if (!find(tree, parentPath(path))) throw new StoreError("ENOENT");
      return;
    }
    if (t) {
      visit(node, path, (_, p) => t.noteSeen(p));
      t.noteSeen(parentPath(path));
    }
    this.replace(remove(tree, path, ++this.generation), path, true, t);
  }

  /**
   * Gives a node other permissions.
   *
   * @throws StoreError ENOENT, EACCES, ENOSPC; EPERM when a guest would give the node away
   */
  setPermissions(path: string, permissions: Permission[], domid: number, t?: Transaction): void {
    if (domid !== 0 && permissions.length > QUOTA.permissions) throw new StoreError("ENOSPC");
    const node = this.get(path, domid, WRITE, t);
    if (domid !== 0 && node.permissions[0].domid !== permissions[0].domid) {
      throw new StoreError("EPERM");
    }
    this.checkSize(node, { permissions }, domid);
    const tree = t ? t.tree : this.tree;
    const fresh = t ? undefined : this.fresh;
    const changed = put(tree, path, node.value, permissions, ++this.generation, fresh);
    this.replace(changed, path, false, t);
  }

  private get(path: string, domid: number, access: number, t?: Transaction): Node {
    const node = this.getOrNull(path, domid, access, t);
    if (!node) throw new StoreError("ENOENT");
    return node;
  }

  /**
   * The node if the domain has this access to it. Whether a node exists is told only to those who
   * have the access to the nearest ancestor that does.
   */
  private getOrNull(path: string, domid: number, access: number, t?: Transaction): Node | null {
    if (!isNodePath(path)) throw new StoreError("EINVAL");
    t?.noteSeen(path);
    const { node, depth } = findNearest(t ? t.tree : this.tree, path);
    if ((accessOf(node.permissions, domid) & access) !== access) throw new StoreError("EACCES");
    return depth === segments(path).length ? node : null;
  }

  private put(
    path: string,
    value: Uint8Array,
    node: Node | null,
    domid: number,
    t?: Transaction,
  ): void {
    const tree = t ? t.tree : this.tree;
    let permissions = node?.permissions;
    if (!permissions) {
      permissions = this.newPermissions(tree, path, domid);
      this.checkCreation(tree, path, value, permissions, domid);
      if (t) this.noteCreated(tree, path, t);
    }
    const fresh = t ? undefined : this.fresh;
    this.replace(put(tree, path, value, permissions, ++this.generation, fresh), path, false, t);
  }

  /** A new node inherits from its parent, but a guest owns what it makes. */
  private newPermissions(tree: Tree, path: string, domid: number): Permissions {
    const inherited = findNearest(tree, path).node.permissions;
    if (domid === 0) return inherited;
    return [{ domid, access: inherited[0].access }, ...inherited.slice(1)];
  }

  private checkCreation(
    tree: Tree,
    path: string,
    value: Uint8Array,
    permissions: Permissions,
    domid: number,
  ): void {
    if (domid === 0) return;
    const names = segments(path);
    const { node, depth } = findNearest(tree, path);
    const count = (tree.owned.get(domid) ?? 0) + names.length - depth;
    if (count > QUOTA.nodes) throw new StoreError("ENOSPC");
    const fresh = {
      value: NO_VALUE,
      permissions,
      children: new Map<string, Node>(),
      generation: 0,
    };
    this.checkSize(fresh, { value }, domid);
    // The parent's list of children counts for the parent, whoever owns it.
    if (nodeSize(node) + names[depth].length + 1 > QUOTA.nodeSize) throw new StoreError("ENOSPC");
  }

  private checkSize(node: Node, change: Partial<Node>, domid: number): void {
    if (domid !== 0 && nodeSize({ ...node, ...change }) > QUOTA.nodeSize) {
      throw new StoreError("ENOSPC");
    }
  }

  private checkOwned(after: Tree, before: Tree, domid: number): void {
    const count = after.owned.get(domid) ?? 0;
    if (domid !== 0 && count > QUOTA.nodes && count > (before.owned.get(domid) ?? 0)) {
      throw new StoreError("ENOSPC");
    }
  }

  /** Creating a node touches each missing ancestor and the list of children of the nearest one. */
  private noteCreated(tree: Tree, path: string, t: Transaction): void {
    const { depth } = findNearest(tree, path);
    const names = segments(path);
    for (let i = depth; i < names.length; i++) {
      const at = i === 0 ? "/" : "/" + names.slice(0, i).join("/");
      t.noteSeen(at);
      if (i > depth) t.noteChanged(at, false);
    }
  }

  private replace(tree: Tree, path: string, removed: boolean, t?: Transaction): void {
    if (t) {
      t.tree = tree;
      t.noteChanged(path, removed);
      return;
    }
    const before = this.tree;
    this.tree = tree;
    this.tell(path, before, tree);
  }

  private tell(path: string, before: Tree, after: Tree): void {
    for (const listener of this.listeners) listener(path, before, after);
  }
}

/** Bytes that count against the quota on one node. */
function nodeSize(node: Node): number {
  let size = node.value.length + node.permissions.length * 8;
  for (const name of node.children.keys()) size += name.length + 1;
  return size;
}
