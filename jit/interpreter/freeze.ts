/**
 * Freezing a machine: what is not in linear memory goes there, and comes back from there. AssemblyScript
 * keeps module variables in WASM globals, which no host can reach; two functions copy them all.
 */
import binaryen from "binaryen";
import { MAILBOX, MAILBOX_SIZE } from "../../core/wasm/layout.ts";

const EFAULT = 14;
/** Bytes that each global takes. */
const SLOT = 8;

/**
 * Adds and exports
 *
 * - `machine_freeze(at: i32): i32`, which writes every mutable global to memory, 8 bytes each, and gives
 *   their number, or -14 (EFAULT) if they do not all lie in the mailbox;
 * - `machine_thaw(at: i32)`, which takes them back.
 *
 * Their order is the module's: what one build froze, only the same build can thaw.
 */
export function addFreeze(m: binaryen.Module): void {
  const mutable = Array.from(
    { length: m.getNumGlobals() },
    (_, i) => binaryen.getGlobalInfo(m.getGlobalByIndex(i)),
  ).filter((g) => g.mutable);
  const at = () => m.local.get(0, binaryen.i32);
  const save = mutable.map(({ name, type }, i) => {
    const value = m.global.get(name, type);
    return m.i64.store(i * SLOT, 1, at(), toI64(m, value, type));
  });
  const restore = mutable.map(({ name, type }, i) =>
    m.global.set(name, fromI64(m, m.i64.load(i * SLOT, 1, at()), type))
  );
  const { i32, none } = binaryen;
  const last = MAILBOX + MAILBOX_SIZE - mutable.length * SLOT;
  const outside = m.i32.or(
    m.i32.lt_u(at(), m.i32.const(MAILBOX)),
    m.i32.gt_u(at(), m.i32.const(last)),
  );
  const refuse = m.if(outside, m.return(m.i32.const(-EFAULT)));
  const count = m.return(m.i32.const(mutable.length));
  m.addFunction("machine_freeze", i32, i32, [], m.block(null, [refuse, ...save, count]));
  m.addFunction("machine_thaw", i32, none, [], m.block(null, restore));
  m.addFunctionExport("machine_freeze", "machine_freeze");
  m.addFunctionExport("machine_thaw", "machine_thaw");
}

type Expression = binaryen.ExpressionRef;

function toI64(m: binaryen.Module, value: Expression, type: binaryen.Type): Expression {
  if (type === binaryen.i64) return value;
  if (type === binaryen.i32) return m.i64.extend_u(value);
  if (type === binaryen.f64) return m.i64.reinterpret(value);
  throw new Error(`a global of type ${type} cannot be frozen`);
}

function fromI64(m: binaryen.Module, value: Expression, type: binaryen.Type): Expression {
  if (type === binaryen.i64) return value;
  if (type === binaryen.i32) return m.i32.wrap(value);
  return m.f64.reinterpret(value);
}
