/** x87 cases (x87_cases.ts) as cases of the common driver: recorded, stepped and shrunk like any other. */
import type { Random } from "../random.ts";
import { bytesOf } from "./builder.ts";
import type { Case } from "./case.ts";
import { makeCase } from "./generate.ts";
import { initialFx } from "./fx.ts";
import { EDGE, EDGE_SIZE, FLAT, FLAT_CS, SCRATCH } from "./layout.ts";
import { State } from "./state.ts";
import { FLAGS_IN, type Form, OPERAND, x87Case } from "./x87_cases.ts";

const FX_TAGS = 4, FX_ST = 32;
/** In an FSAVE image. */
const TAGS = 8, REGISTERS = 28;
/** Bytes of the largest operand. */
const LARGEST = 10;

/** A case of an x87 form from a random state of the FPU, its operand in memory where all of it is there. */
export function x87StateCase(r: Random, form: Form): Case {
  const { opcode, modrm, slot } = x87Case(r, form);
  const image = new DataView(slot.buffer);
  const state = new State(r, true, true);
  state.segments.splice(0, 4, FLAT, FLAT_CS, FLAT, FLAT);
  state.eflags = image.getUint32(FLAGS_IN, true);
  state.fx = initialFx();
  state.fx.set(slot.subarray(0, 2), 0); // control word
  state.fx.set(slot.subarray(4, 6), 2); // status word
  const tags = image.getUint16(TAGS, true);
  for (let i = 0; i < 8; i++) {
    if ((tags >> (i * 2) & 3) !== 3) state.fx[FX_TAGS] |= 1 << i;
    const at = REGISTERS + i * 10;
    state.fx.set(slot.subarray(at, at + 10), FX_ST + i * 16);
  }
  const memory = modrm < 0xc0;
  const at = r.oneIn(3) ? EDGE + EDGE_SIZE - LARGEST - r.below(8) : SCRATCH + 4 * r.below(60);
  const offset = at >= EDGE ? state.memory.length - (EDGE + EDGE_SIZE - at) : at - SCRATCH;
  if (memory) state.memory.set(slot.subarray(OPERAND, OPERAND + LARGEST), offset);
  const code = [opcode, modrm, ...(memory ? bytesOf(at, 4) : [])];
  return makeCase(form.name, code, state, 0);
}
