/**
 * The part of the driver that both worlds share: takes one case after the other, sets memory and
 * registers, jumps to the case's code and stores what came of it. It runs in ring 3 with the segments
 * of layout.ts.
 */
import {
  asm,
  bind,
  code,
  ds,
  dword,
  eax,
  ebx,
  ecx,
  edi,
  es,
  esi,
  esp,
  fs,
  global,
  gs,
  Label,
  raw,
  ss,
  u32,
  word,
} from "../../guest/asm/mod.ts";
import type { Callable, Reg } from "../../guest/asm/mod.ts";
import {
  BASED,
  DRIVER_STACK,
  EDGE,
  EDGE_SIZE,
  EXIT_END,
  EXIT_TAKEN,
  FLAT,
  LIMITED,
  REC_CODE_OR_ERROR,
  REC_EFLAGS,
  REC_ESP_OR_EXIT,
  REC_MEMORY,
  REC_SEGMENTS_OR_CR2,
  REC_SELECTORS,
  RECORD_BYTES,
  RECORDS,
  SCRATCH,
  SCRATCH_SIZE,
} from "./layout.ts";

/** The record of the case at work. */
export const current = global("current", u32);
/** Number of cases; the image builder fills it in. */
export const CASES_AT = 0x0800effc;
const stageEsp = global("stage_esp", u32);
const stageCode = global("stage_code", u32);
const savedEsp = global("saved_esp", u32);

const DEFAULT_FLAGS = 0x202;
const SELECTORS: [Reg, number][] = [[ds, 0], [es, 2], [fs, 4], [gs, 6]];

const rep = (bytes: number) => {
  asm.mov(ecx, bytes / 4);
  asm.movsd("rep");
};

/** A dword in memory through SS, which is always flat: DS may be anything after a case. */
const viaStack = (at: { operand(): unknown }) => {
  const memory = at.operand() as ReturnType<typeof dword>;
  return memory.via(ss);
};

const nextCase = new Label("next_case");

/**
 * What the two worlds add: the way out when all cases are done.
 *
 * @param finish emits code that ends the program
 */
export function makeRunner(finish: () => void): Runner {
  // Everything that a record still lacks when its registers are stored; EBX names the record.
  const join = code("join", () => {
    asm.mov(eax, FLAT.selector);
    asm.mov(ss, eax);
    asm.mov(esp, DRIVER_STACK);
    asm.push(DEFAULT_FLAGS);
    asm.popf();
    for (const s of [ds, es]) asm.mov(s, eax);
    asm.mov(eax, BASED.selector);
    asm.mov(fs, eax);
    asm.mov(eax, LIMITED.selector);
    asm.mov(gs, eax);
    asm.mov(edi, ebx);
    asm.add(edi, REC_MEMORY);
    asm.mov(esi, SCRATCH);
    rep(SCRATCH_SIZE);
    asm.mov(esi, EDGE);
    rep(EDGE_SIZE);
    asm.add(ebx, RECORD_BYTES);
    asm.jmp(nextCaseCode);
  });

  const store = code("store", () => {
    raw(0x8d, 0x64, 0x24, REC_ESP_OR_EXIT); // lea esp, [esp+n]: no flag changes
    asm.pushf();
    asm.pushad();
    asm.mov(ebx, esp);
    asm.mov(eax, viaStack(savedEsp));
    asm.mov(dword(ebx, 12).via(ss), eax);
    for (const [s, at] of SELECTORS) {
      asm.mov(eax, s);
      asm.mov(word(ebx, REC_SELECTORS + at).via(ss), axOf());
    }
    asm.jmp(join);
  });

  const landing = (name: string, exit: number) =>
    code(name, () => {
      asm.mov(viaStack(savedEsp), esp);
      asm.mov(esp, viaStack(current));
      asm.mov(dword(esp, REC_ESP_OR_EXIT).via(ss), exit);
      asm.jmp(store);
    });
  const end = landing("landed_at_end", EXIT_END);
  const taken = landing("landed_taken", EXIT_TAKEN);

  const nextCaseCode = code("next_case", () => {
    bind(nextCase);
    const more = new Label("more");
    asm.mov(eax, dword(CASES_AT));
    asm.imul(eax, eax, RECORD_BYTES);
    asm.add(eax, RECORDS);
    asm.cmp(ebx, eax);
    asm.jb(more);
    finish();
    bind(more);
    asm.mov(current, ebx);
    asm.mov(esi, ebx);
    asm.add(esi, REC_MEMORY);
    asm.mov(edi, SCRATCH);
    rep(SCRATCH_SIZE);
    asm.mov(edi, EDGE);
    rep(EDGE_SIZE);
    asm.mov(eax, dword(ebx, REC_ESP_OR_EXIT));
    asm.mov(stageEsp, eax);
    asm.mov(eax, dword(ebx, REC_CODE_OR_ERROR));
    asm.mov(stageCode, eax);
    asm.mov(esp, ebx);
    asm.movzx(eax, word(ebx, REC_SEGMENTS_OR_CR2 + 2));
    asm.mov(es, eax);
    asm.movzx(eax, word(ebx, REC_SEGMENTS_OR_CR2));
    asm.mov(ds, eax);
    asm.popad();
    asm.popf();
    asm.mov(esp, viaStack(stageEsp));
    asm.jmp(viaStack(stageCode));
  });

  /** Enters with nothing but the segments set up. */
  const run = code("run", () => {
    asm.mov(ebx, RECORDS);
    asm.cld();
    asm.jmp(nextCaseCode);
  });
  return { run, join, end, taken };
}

export interface Runner {
  run: Callable;
  join: Callable;
  end: Callable;
  taken: Callable;
}

import { ax } from "../../guest/asm/mod.ts";
function axOf() {
  return ax;
}
void REC_EFLAGS;
