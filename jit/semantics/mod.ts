/** All meanings. Read value.ts, emitter.ts, instruction.ts, flags.ts, memory.ts, context.ts, then alu.ts as the model for the rest. */
import "./alu.ts";
import "./bits.ts";
import "./control.ts";
import "./fpu.ts";
import "./move.ts";
import "./packed.ts";
import "./shuffle.ts";
import "./vector_move.ts";
import "./multiply.ts";
import "./shift.ts";
import "./sse.ts";
import "./stack.ts";
import "./strings.ts";
import "./system.ts";
import "./x87.ts";
export { meaningOf } from "./define.ts";
