/** The forms of 64-bit code under test: each row of the instruction table, by operand size and place. */
import { isSized, longSizes } from "../../../jit/isa/forms.ts";
import { isMemory } from "../../../jit/isa/operands.ts";
import { handlerPlan } from "../../../jit/isa/plan.ts";
import type { Row } from "../../../jit/isa/rows.ts";
import type { Form } from "../forms.ts";

const MAPS = ["", "0f", "0f38", "0f3a"];

const HOSTS = "shows the host's processor, clock or tables";
const SEGMENTS = "segments and far transfers come with the 64-bit interface";
const BY_NAME: Record<string, string> = {
  cpuid: HOSTS,
  rdtsc: HOSTS,
  rdtscp: HOSTS,
  sgdt: HOSTS,
  sidt: HOSTS,
  sldt: HOSTS,
  str: HOSTS,
  smsw: HOSTS,
  rdpmc: "may be allowed by the host's CR4.PCE",
  syscall: "is a system call natively; its entry comes with the 64-bit interface",
  int: "what INT n does is the kernel's choice",
  int1: "virtual machines report it before or after the instruction",
  sysexit: "#UD on AMD, #GP on Intel",
  mov_dr: "whether DR4 and DR5 exist is up to the host's CR4.DE",
  iret: SEGMENTS,
  ret_far: SEGMENTS,
  call_far_indirect: SEGMENTS,
  jmp_far_indirect: SEGMENTS,
  load_far: SEGMENTS,
  mov_to_sreg: SEGMENTS,
  pop_sreg: SEGMENTS,
  lar: SEGMENTS,
  lsl: SEGMENTS,
  verr: SEGMENTS,
  verw: SEGMENTS,
};

function exclusion(row: Row, size: number, memory: boolean): string | null {
  if (row.name in BY_NAME) return BY_NAME[row.name];
  if (/^(f2xm1|fyl2x|fyl2xp1|fptan|fpatan|fsincos|fsin|fcos)$/.test(row.name)) {
    return "transcendental functions are a processor's own: x87 tests bound their error";
  }
  if (row.name === "movsxd" && size === 2 && memory) return "AMD reads four bytes, Intel two";
  if (row.map === 1 && row.opcode === 0x0d && !memory) return "#UD on AMD, a NOP on Intel";
  return null;
}

function places(row: Row): boolean[] {
  if (row.operands.some((o) => o[0] === "O")) return [true];
  if (!row.operands.some(isMemory)) return [false];
  return row.mod === "mem" ? [true] : row.mod === "reg" ? [false] : [false, true];
}

/** Operand sizes that make a difference to a row. */
function sizes(row: Row): number[] {
  if (isSized(row)) return longSizes(row);
  return row.operands.some((o) => /[yt]$/.test(o)) ? [4, 8] : [4];
}

/** Forms that run in both worlds, and what is left out, by reason. */
export function longForms(): { forms: Form[]; excluded: Map<string, string[]> } {
  const forms: Form[] = [];
  const excluded = new Map<string, string[]>();
  for (const { row } of handlerPlan(true).rows) {
    if (row.mode === "i64") continue;
    for (const size of sizes(row)) {
      for (const memory of places(row)) {
        const opcode = MAPS[row.map] + row.opcode.toString(16).padStart(2, "0") +
          (row.reg >= 0 ? `/${row.reg}` : "") + (row.rm >= 0 ? `:${row.rm}` : "");
        const where = row.operands.some(isMemory) ? (memory ? " mem" : " reg") : "";
        const name = `${row.prefix} ${opcode} ${row.name} ${row.operands} ${size * 8}${where}`;
        const reason = exclusion(row, size, memory);
        if (reason) excluded.set(reason, [...(excluded.get(reason) ?? []), name]);
        else forms.push({ name: name.trim(), row, size, memory });
      }
    }
  }
  return { forms, excluded };
}
