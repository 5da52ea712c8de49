/** Operands of the string instructions. */
import type { CaseBuilder } from "./builder.ts";
import { BASED, EDGE, EDGE_SIZE, FLAT, READONLY, SCRATCH } from "./layout.ts";
import { AC, AX, CX, DF, DI, DS, ES, SI } from "./state.ts";

/** ESI, EDI, ECX, DF and a REP prefix: mostly within the scratch, sometimes into a fault. */
export function string(b: CaseBuilder): void {
  const { r } = b;
  const element = b.form.row.arg === 1 ? 1 : b.form.size;
  const down = r.oneIn(2);
  b.state.eflags = (b.state.eflags & ~DF) | (down ? DF : 0);
  const repeat = r.pick([0, 0, 0xf3, 0xf3, 0xf2]);
  if (repeat) b.prefixes.push(repeat);
  const count = r.oneIn(6) ? 0 : r.below(14);
  if (r.oneIn(6)) b.override = r.pick([0, 1, 2, 3, 4, 5]);
  if (r.oneIn(5)) {
    // 16-bit index registers reach the scratch through based segments
    b.addr16 = true;
    b.segments[ES] = BASED;
    if (b.override < 4) b.override = 4;
  }
  // which operand of CMPS is looked at first is up to the processor: one of them must be sound
  const sound = b.form.row.name === "cmps" ? r.pick([SI, DI]) : -1;
  if (sound >= 0) b.state.eflags &= ~AC;
  if (sound === SI && !b.addr16) {
    b.override = -1;
    b.segments[DS] = FLAT;
  } else if (sound === SI) b.override = 4;
  else if (sound === DI) b.segments[ES] = b.addr16 ? BASED : FLAT;
  const place = (segment: number, register: number) => {
    const bytes = Math.max(count, 1) * element;
    let at = SCRATCH + r.below(400 - bytes);
    if (sound !== register && r.oneIn(12)) at = EDGE + EDGE_SIZE - r.below(bytes + 1);
    if (sound !== register && r.oneIn(24)) at = READONLY + r.below(64);
    if (down) at += bytes - element;
    return at - (b.segments[segment]?.base ?? 0);
  };
  const set = (register: number, value: number) =>
    b.pin(register, b.addr16 ? (b.registers[register] & ~0xffff) | (value & 0xffff) : value);
  set(CX, count);
  set(SI, place(b.override >= 0 ? b.override : DS, SI));
  set(DI, place(ES, DI));
  // comparisons that go on for a while
  if (/cmps|scas/.test(b.form.row.name) && r.oneIn(2)) {
    b.memory.fill(r.below(2) * 0xff);
    b.registers[AX] = b.memory[0] ? 0xffffffff : 0;
    for (let n = r.below(3); n > 0; n--) b.memory[r.below(400)] ^= 1 << r.below(8);
  }
}
