/**
 * The part of the driver that both worlds share: takes one case after the other, sets memory and
 * registers, jumps to the case's code and stores what came of it. It runs in ring 3 with the segments
 * of layout.ts.
 */
import {
  address,
  array,
  asm,
  ax,
  bind,
  code,
  cs,
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
  Mem,
  ss,
  Symbolic,
  u32,
  word,
} from "../../guest/asm/mod.ts";
import type { Callable, Reg } from "../../guest/asm/mod.ts";
import {
  BASED,
  CASES_AT,
  DRIVER_STACK,
  EDGE,
  EDGE_SIZE,
  EXIT_END,
  EXIT_TAKEN,
  FLAT,
  LIMITED,
  REC_CODE_OR_ERROR,
  REC_EIP,
  REC_ESP_OR_EXIT,
  REC_FX,
  REC_MEMORY,
  REC_SEGMENTS_OR_CR2,
  REC_SELECTORS,
  REC_STEPS_OR_SIGNAL,
  RECORD_BYTES,
  RECORDS,
  SAVED_ESP,
  SCRATCH,
  SCRATCH_SIZE,
  STACK_16,
} from "./layout.ts";

/** EFLAGS of the driver itself: bit 1 and IF. */
export const DEFAULT_FLAGS = 0x202;

/** Where the selectors go in a record, by register. */
export const SELECTORS: readonly [Reg, number][] = [[ds, 0], [es, 2], [fs, 4], [gs, 6]].map(
  ([s, at]) => [s as Reg, REC_SELECTORS + (at as number)],
);

/** Labels that a world's own code needs. */
export interface Runner {
  /** Starts with the first case. */
  run: Callable;
  /** Goes on after a fault: EBX names the record, which lacks only the memory. */
  join: Callable;
  /** Where code lands that ran to its end, and code that jumped. */
  end: Callable;
  taken: Callable;
  /** The same with a 16-bit stack. */
  end16: Callable;
  taken16: Callable;
  /** The record of the case at work. */
  current: ReturnType<typeof u32.at>;
  /** How many single-step traps outside the driver are yet to be let pass. */
  steps: ReturnType<typeof u32.at>;
}

/** The operand of a far pointer, through a flat segment. */
function through(segment: Reg, place: { operand(): Mem }): Mem {
  const { symbol, displacement } = place.operand();
  return new Mem(6, [new Symbolic(symbol!, displacement)]).via(segment);
}

function copy(bytes: number): void {
  asm.mov(ecx, bytes / 4);
  asm.movsd("rep");
}

/** Loads what cases may have changed but the code and stack segments. */
function loadSegments(): void {
  asm.mov(eax, FLAT.selector);
  asm.mov(ss, eax);
  asm.mov(esp, DRIVER_STACK);
  asm.mov(ds, eax);
  asm.mov(es, eax);
  asm.mov(eax, BASED.selector);
  asm.mov(fs, eax);
  asm.mov(eax, LIMITED.selector);
  asm.mov(gs, eax);
}

/** @param finish emits code that ends the program, when all cases are done */
export function makeRunner(finish: () => void): Runner {
  // far pointers: the record as a stack, and where a case's stack and code are
  const currentFar = global("current", array(u32, 2));
  const current = currentFar.at(0);
  const stageStack = global("stage_stack", array(u32, 2));
  const stageCode = global("stage_code", array(u32, 2));
  const steps = global("steps", u32);

  const nextCase = code("next_case", () => {
    const more = new Label("more");
    asm.mov(eax, dword(CASES_AT));
    asm.imul(eax, eax, RECORD_BYTES);
    asm.add(eax, RECORDS);
    asm.cmp(ebx, eax);
    asm.jb(more);
    finish();
    bind(more);
    asm.mov(current, ebx);
    asm.lea(esi, address(ebx, REC_MEMORY));
    asm.mov(edi, SCRATCH);
    copy(SCRATCH_SIZE);
    asm.mov(edi, EDGE);
    copy(EDGE_SIZE);
    asm.mov(eax, dword(ebx, REC_ESP_OR_EXIT));
    asm.mov(stageStack.at(0), eax);
    asm.movzx(eax, word(ebx, REC_EIP + 2));
    asm.mov(stageStack.at(1), eax);
    asm.mov(eax, dword(ebx, REC_CODE_OR_ERROR));
    asm.mov(stageCode.at(0), eax);
    asm.movzx(eax, word(ebx, REC_EIP));
    asm.mov(stageCode.at(1), eax);
    asm.mov(eax, dword(ebx, REC_STEPS_OR_SIGNAL));
    asm.mov(steps, eax);
    asm.fxrstor(address(ebx, REC_FX));
    asm.mov(esp, ebx);
    asm.movzx(eax, word(ebx, REC_SEGMENTS_OR_CR2 + 2));
    asm.mov(es, eax);
    asm.movzx(eax, word(ebx, REC_SEGMENTS_OR_CR2));
    asm.mov(ds, eax);
    asm.popad();
    asm.popf();
    // DS may be anything from here on, and SS a 16-bit stack
    asm.lss(esp, through(ss, stageStack.at(0)));
    asm.jmp(through(cs, stageCode.at(0)));
  });

  const join = code("join", () => {
    loadSegments();
    asm.push(DEFAULT_FLAGS);
    asm.popf();
    asm.lea(edi, address(ebx, REC_MEMORY));
    asm.mov(esi, SCRATCH);
    copy(SCRATCH_SIZE);
    asm.mov(esi, EDGE);
    copy(EDGE_SIZE);
    asm.add(ebx, RECORD_BYTES);
    asm.jmp(nextCase);
  });

  const store = code("store", () => {
    asm.lea(esp, address(esp, REC_ESP_OR_EXIT)); // changes no flag
    asm.pushf();
    asm.pushad();
    asm.mov(ebx, esp);
    asm.fxsave(address(ebx, REC_FX).via(ss));
    asm.mov(eax, dword(SAVED_ESP).via(ss));
    asm.mov(dword(ebx, 12).via(ss), eax);
    for (const [s, at] of SELECTORS) {
      asm.mov(eax, s);
      asm.mov(word(ebx, at).via(ss), ax);
    }
    asm.jmp(join);
  });

  const landing = (name: string, exit: number, base = 0) =>
    code(name, () => {
      asm.mov(dword(SAVED_ESP - base).via(ss), esp);
      asm.lss(esp, through(cs, current));
      asm.mov(dword(esp, REC_ESP_OR_EXIT).via(ss), exit);
      asm.jmp(store);
    });

  const run = code("run", () => {
    loadSegments();
    asm.cld();
    asm.mov(currentFar.at(1), FLAT.selector);
    asm.mov(ebx, RECORDS);
    asm.jmp(nextCase);
  });
  return {
    run,
    join,
    end: landing("landed_at_end", EXIT_END),
    taken: landing("landed_taken", EXIT_TAKEN),
    end16: landing("landed_at_end_16", EXIT_END, STACK_16.base),
    taken16: landing("landed_taken_16", EXIT_TAKEN, STACK_16.base),
    current,
    steps,
  };
}
