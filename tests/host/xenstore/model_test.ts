/** The store against a naive model: a flat map from path to value, copied for each transaction. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { StoreError } from "../../../core/host/xenstore/error.ts";
import { parentPath } from "../../../core/host/xenstore/path.ts";
import { Store } from "../../../core/host/xenstore/store.ts";
import type { Transaction } from "../../../core/host/xenstore/transaction.ts";
import { find, visit } from "../../../core/host/xenstore/tree.ts";
import { fromBytes, toBytes } from "../../../core/host/xenstore/wire.ts";

type Flat = Map<string, string>;

type Step =
  | { op: "write"; path: string; value: string; slot: number }
  | { op: "mkdir" | "rm" | "read"; path: string; slot: number }
  | { op: "begin" | "commit" | "abort"; slot: number };

/** Slot 0 is no transaction. */
const slot = fc.nat({ max: 2 });
const path = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 })
  .map((names) => "/" + names.join("/"));
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    op: fc.constant("write" as const),
    path,
    value: fc.constantFrom("", "1", "2", "3"),
    slot,
  }),
  fc.record({ op: fc.constantFrom("mkdir" as const, "rm" as const, "read" as const), path, slot }),
  fc.record({ op: fc.constantFrom("begin" as const, "commit" as const, "abort" as const), slot }),
);

function flatten(store: Store): Flat {
  const flat: Flat = new Map();
  visit(store.tree.root, "/", (node, at) => flat.set(at, fromBytes(node.value)));
  return flat;
}

function sorted(flat: Flat): [string, string][] {
  return [...flat].sort(([a], [b]) => (a < b ? -1 : 1));
}

function put(flat: Flat, at: string, value: string): void {
  if (at !== "/" && !flat.has(parentPath(at))) put(flat, parentPath(at), "");
  flat.set(at, value);
}

/** What the model expects of one operation; null where it cannot fail. */
function model(flat: Flat, s: Step & { path: string }): string | null {
  switch (s.op) {
    case "write":
      put(flat, s.path, s.value);
      return null;
    case "mkdir":
      if (!flat.has(s.path)) put(flat, s.path, "");
      return null;
    case "rm":
      if (!flat.has(s.path)) return flat.has(parentPath(s.path)) ? null : "ENOENT";
      for (const at of [...flat.keys()]) {
        if (at === s.path || at.startsWith(s.path + "/")) flat.delete(at);
      }
      return null;
    default:
      return flat.has(s.path) ? `=${flat.get(s.path)}` : "ENOENT";
  }
}

function real(store: Store, s: Step & { path: string }, t?: Transaction): string | null {
  try {
    if (s.op === "write") store.write(s.path, toBytes(s.value), 0, t);
    else if (s.op === "mkdir") store.mkdir(s.path, 0, t);
    else if (s.op === "rm") store.rm(s.path, 0, t);
    else return "=" + fromBytes(store.read(s.path, 0, t).value);
    return null;
  } catch (error) {
    if (error instanceof StoreError) return error.errno;
    throw error;
  }
}

Deno.test("the store does what a flat map does, with transactions one after another or in between", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const store = new Store();
      let flat: Flat = new Map([["/", ""]]);
      const open = new Map<
        number,
        { t: Transaction; flat: Flat; log: (Step & { path: string })[] }
      >();
      for (const s of steps) {
        const now = open.get(s.slot);
        if ("path" in s) {
          const expected = model(now ? now.flat : flat, s);
          assert.equal(real(store, s, now?.t), expected, JSON.stringify(s));
          now?.log.push(s);
        } else if (s.op === "begin") {
          if (s.slot > 0) {
            open.set(s.slot, { t: store.begin(0), flat: new Map(flat), log: [] });
          }
        } else if (now) {
          open.delete(s.slot);
          if (s.op === "abort") continue;
          // Where it goes through, the outcome must be as if all of it had been done just now.
          try {
            store.commit(now.t, 0);
            const replayed = new Map(flat);
            const alone = now.log.map((entry) => model(replayed, entry));
            assert.ok(alone.length === now.log.length);
            flat = replayed;
          } catch (error) {
            assert.ok(error instanceof StoreError && error.errno === "EAGAIN");
          }
        }
        assert.deepEqual(sorted(flatten(store)), sorted(flat));
      }
      assert.equal([...flat].length, store.tree.owned.get(0), "nodes are counted");
    }),
    { numRuns: 1500 },
  );
});

Deno.test("a snapshot is not changed by what comes after it", () => {
  const store = new Store();
  store.write("/a/b", toBytes("1"), 0);
  const before = store.snapshot();
  store.write("/a/b", toBytes("2"), 0);
  store.write("/a/c", toBytes("3"), 0);
  assert.equal(find(before, "/a/c"), null);
  assert.equal(before.owned.get(0), 3);
  store.rm("/a", 0);
  assert.equal(fromBytes(find(before, "/a/b")!.value), "1");
});
