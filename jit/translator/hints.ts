/**
 * Branch hints: V8 keeps what an unlikely branch does out of the way, and saves registers around a
 * call only there. Binaryen's JavaScript has no way to give hints, so a branch is marked by a
 * condition that ends in `| 0`, found in the module's bytes, and the section with the
 * hints (https://github.com/WebAssembly/branch-hinting) put before the code.
 */
import type binaryen from "binaryen";

type Expression = number;

/** A branch that is seldom taken. */
export function unlikely(m: binaryen.Module, condition: Expression, then: Expression): Expression {
  return m.if(m.i32.or(condition, m.i32.const(0)), then);
}

/** `i32.const 0  i32.or`, and `if`. */
const MARK = [0x41, 0x00, 0x72];
const IF = 0x04;
const CODE_SECTION = 10;
const NAME = new TextEncoder().encode("metadata.code.branch_hint");

function leb(n: number): number[] {
  const bytes = [];
  for (; n > 127; n >>>= 7) bytes.push(n & 127 | 128);
  return [...bytes, n];
}

/** Reads numbers from a module's bytes. */
class Reader {
  constructor(readonly bytes: Uint8Array, public at: number) {}
  leb(): number {
    let n = 0;
    for (let shift = 0;; shift += 7) {
      const b = this.bytes[this.at++];
      n |= (b & 127) << shift;
      if (b < 128) return n >>> 0;
    }
  }
}

/** Offsets of the marked branches of a function's body. */
function marked(bytes: Uint8Array, from: number, to: number): number[] {
  const found: number[] = [];
  for (let at = from; at < to - 3; at++) {
    if (bytes[at + 3] === IF && MARK.every((b, i) => bytes[at + i] === b)) {
      found.push(at + 3 - from);
    }
  }
  return found;
}

/**
 * The module with hints for its marked branches. Bytes that look like a mark and are none do no harm:
 * no branch is where they are.
 *
 * @param module the bytes of a module
 */
export function addHints(module: Uint8Array): Uint8Array<ArrayBuffer> {
  const r = new Reader(module, 8);
  let imported = 0;
  for (; r.at < module.length;) {
    const start = r.at;
    const id = module[r.at++];
    const size = r.leb();
    const end = r.at + size;
    if (id === 2) imported = importedFunctions(new Reader(module, r.at));
    if (id !== CODE_SECTION) {
      r.at = end;
      continue;
    }
    const functions: number[][] = [];
    for (let n = r.leb(), f = 0; f < n; f++) {
      const length = r.leb();
      const hints = marked(module, r.at, r.at + length);
      r.at += length;
      if (!hints.length) continue;
      const list = hints.flatMap((offset) => [...leb(offset), 1, 0]);
      functions.push([...leb(imported + f), ...leb(hints.length), ...list]);
    }
    if (!functions.length) break;
    const content = [...leb(NAME.length), ...NAME, ...leb(functions.length), ...functions.flat()];
    const section = [0, ...leb(content.length), ...content];
    const out = new Uint8Array(module.length + section.length);
    out.set(module.subarray(0, start));
    out.set(section, start);
    out.set(module.subarray(start), start + section.length);
    return out;
  }
  return Uint8Array.from(module);
}

/** How many functions the import section at a reader's place names. */
function importedFunctions(r: Reader): number {
  let functions = 0;
  const name = () => {
    const length = r.leb();
    r.at += length;
  };
  const limits = () => {
    if (r.leb() & 1) r.leb();
    r.leb();
  };
  for (let n = r.leb(); n; n--) {
    name();
    name();
    const kind = r.bytes[r.at++];
    if (kind === 0) functions++, r.leb();
    else if (kind === 1) r.at++, limits();
    else if (kind === 2) limits();
    else throw new Error("an import that translated code does not have");
  }
  return functions;
}
