/**
 * The tree of nodes, as an immutable value: a change gives a new tree that shares all that did not
 * change. So a transaction's snapshot is a reference, and giving one up costs nothing. Maps that no snapshot
 * holds may be changed where they are: a directory of many domains is not copied for each of their nodes.
 */
import { segments } from "./path.ts";
import type { Permissions } from "./permissions.ts";

export interface Node {
  readonly value: Uint8Array;
  readonly permissions: Permissions;
  readonly children: ReadonlyMap<string, Node>;
  /** Grows with each change of the value, the permissions or the set of children. */
  readonly generation: number;
}

/** A tree with the number of nodes that each domain owns. */
export interface Tree {
  readonly root: Node;
  readonly owned: ReadonlyMap<number, number>;
}

const NO_CHILDREN: ReadonlyMap<string, Node> = new Map();
const NO_VALUE = new Uint8Array(0);

/** Maps made since the last snapshot: whoever changes the tree may change these. */
export type Fresh = WeakSet<ReadonlyMap<unknown, unknown>>;

/** A map to change: the same if it is fresh, else a copy, which then is. */
function changeable<K, V>(map: ReadonlyMap<K, V>, fresh: Fresh | undefined): Map<K, V> {
  if (fresh?.has(map)) return map as Map<K, V>;
  const copy = new Map(map);
  fresh?.add(copy);
  return copy;
}

/** A tree of nothing but its root. */
export function emptyTree(permissions: Permissions): Tree {
  return {
    root: { value: NO_VALUE, permissions, children: NO_CHILDREN, generation: 0 },
    owned: new Map([[permissions[0].domid, 1]]),
  };
}

/** The node at an absolute path, or null. */
export function find(tree: Tree, path: string): Node | null {
  let node: Node | undefined = tree.root;
  for (const name of segments(path)) {
    node = node.children.get(name);
    if (!node) return null;
  }
  return node;
}

/** The nearest node on the way to `path`: the node itself or its closest living ancestor. */
export function findNearest(tree: Tree, path: string): { node: Node; depth: number } {
  let node = tree.root;
  let depth = 0;
  for (const name of segments(path)) {
    const next = node.children.get(name);
    if (!next) break;
    node = next;
    depth++;
  }
  return { node, depth };
}

/**
 * Gives a node a value and permissions. Where there is none it is made, without children, and so
 * are its missing ancestors: empty, with the same permissions.
 *
 * @param fresh maps of `tree` that may be changed, to which its new ones are added; without, none may be
 */
export function put(
  tree: Tree,
  path: string,
  value: Uint8Array,
  permissions: Permissions,
  generation: number,
  fresh?: Fresh,
): Tree {
  const owned = changeable(tree.owned, fresh);
  const owner = permissions[0].domid;
  const names = segments(path);
  const change = (node: Node | undefined, i: number): Node => {
    if (!node) count(owned, owner, 1);
    if (i === names.length) {
      if (node) {
        count(owned, node.permissions[0].domid, -1);
        count(owned, owner, 1);
      }
      return { value, permissions, children: node?.children ?? NO_CHILDREN, generation };
    }
    const children = changeable(node?.children ?? NO_CHILDREN, fresh);
    const old = children.get(names[i]);
    children.set(names[i], change(old, i + 1));
    if (!node) return { value: NO_VALUE, permissions, children, generation };
    return { ...node, children, generation: old ? node.generation : generation };
  };
  const root = change(tree.root, 0);
  return { root, owned };
}

/** Takes away the node at `path`, which must exist and not be the root, with all below it. */
export function remove(tree: Tree, path: string, generation: number): Tree {
  const owned = new Map(tree.owned);
  const names = segments(path);
  const change = (node: Node, i: number): Node => {
    const children = new Map(node.children);
    const child = children.get(names[i])!;
    if (i === names.length - 1) {
      visit(child, path, (n) => count(owned, n.permissions[0].domid, -1));
      children.delete(names[i]);
      return { ...node, children, generation };
    }
    children.set(names[i], change(child, i + 1));
    return { ...node, children };
  };
  return { root: change(tree.root, 0), owned };
}

/** Calls `f` for a node and all below it, parents first. */
export function visit(node: Node, path: string, f: (node: Node, path: string) => void): void {
  f(node, path);
  for (const [name, child] of node.children) {
    visit(child, path === "/" ? `/${name}` : `${path}/${name}`, f);
  }
}

function count(owned: Map<number, number>, domid: number, by: number): void {
  const n = (owned.get(domid) ?? 0) + by;
  if (n > 0) owned.set(domid, n);
  else owned.delete(domid);
}
