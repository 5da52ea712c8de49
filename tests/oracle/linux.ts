/**
 * The native world: a static i386 process. It makes itself the same LDT that the guest has, catches
 * every signal an instruction can raise, and writes the records to its standard output.
 *
 * Facts: Linux's i386 system call numbers, struct user_desc, struct sigcontext_32, SA_* flags.
 */
import {
  address,
  addressOf,
  asm,
  ax,
  bind,
  code,
  dword,
  eax,
  ebx,
  ecx,
  edi,
  edx,
  esi,
  esp,
  Label,
  table,
  word,
} from "../../guest/asm/mod.ts";
import type { Callable } from "../../guest/asm/mod.ts";
import {
  CASES_AT,
  CODE,
  EXIT_FAULT,
  FLAT_CS,
  FX_SIZE,
  READONLY,
  REC_CODE_OR_ERROR,
  REC_EFLAGS,
  REC_EIP,
  REC_ESP_OR_EXIT,
  REC_FX,
  REC_SEGMENTS_OR_CR2,
  REC_SIGNAL_ADDRESS,
  REC_SIGNAL_CODE,
  REC_STEPS_OR_SIGNAL,
  RECORD_BYTES,
  RECORDS,
  type Segment,
  SEGMENTS,
  SIGNAL_STACK,
  SIGNAL_STACK_SIZE,
} from "./layout.ts";
import { makeRunner, type Runner, SELECTORS } from "./runner.ts";

const SYS_EXIT = 1, SYS_WRITE = 4, SYS_MODIFY_LDT = 123, SYS_SIGRETURN = 173, SYS_SIGACTION = 174;
const SYS_SIGALTSTACK = 186;
const WRITE_LDT = 0x11;
const SIGNALS = [4, 5, 7, 8, 11]; // ILL TRAP BUS FPE SEGV
const SA_SIGINFO = 4, SA_RESTORER = 0x04000000, SA_ONSTACK = 0x08000000, SA_NODEFER = 0x40000000;

const DEBUG = 1;

// In the signal frame: the second and third argument, and struct sigcontext_32 in the ucontext it names.
const ARGUMENT_SIGINFO = 8, ARGUMENT_UCONTEXT = 12;
const SI_SIGNO = 0, SI_CODE = 8, SI_ADDR = 12;
const UC_MCONTEXT = 20;
const SC_SEGMENTS = [12, 8, 4, 0]; // DS ES FS GS
const SC_EDI = 16,
  SC_TRAPNO = 48,
  SC_ERR = 52,
  SC_EIP = 56,
  SC_CS = 60,
  SC_EFLAGS = 64,
  SC_FPSTATE = 76,
  SC_CR2 = 84;
const FPSTATE_FXSAVE = 112;

function systemCall(number: number): void {
  asm.mov(eax, number);
  asm.int(0x80);
}

/** struct user_desc. */
function userDescriptor(s: Segment, index: number): number[] {
  const pages = s.limit > 0xfffff;
  const flags = (s.small ? 0 : 1) | (s.code ? 2 << 1 : s.down ? 1 << 1 : 0) |
    (s.code || s.writable ? 0 : 8) | (pages ? 16 : 0);
  return [index, s.base, pages ? s.limit >>> 12 : s.limit, flags];
}

/** The process's entry point, and the runner's labels. */
export function linuxDriver(): { start: Callable; runner: Runner } {
  const runner = makeRunner(() => {
    const more = new Label("more"), done = new Label("done");
    asm.mov(edx, dword(CASES_AT));
    asm.imul(edx, edx, RECORD_BYTES);
    asm.mov(ecx, RECORDS);
    bind(more);
    asm.mov(ebx, 1);
    systemCall(SYS_WRITE);
    asm.cmp(eax, 0);
    asm.jle(done);
    asm.add(ecx, eax);
    asm.sub(edx, eax);
    asm.jne(more);
    bind(done);
    asm.mov(ebx, edx); // bytes left to write: none, if all went well
    systemCall(SYS_EXIT);
  });

  const handler = code("signal_handler", () => {
    const counted = new Label("counted"), goOn = new Label("go_on"), keep = new Label("keep");
    asm.mov(esi, dword(esp, ARGUMENT_UCONTEXT));
    asm.add(esi, UC_MCONTEXT);
    asm.cmp(dword(esi, SC_TRAPNO), DEBUG);
    asm.jne(keep);
    asm.cmp(word(esi, SC_CS), FLAT_CS.selector);
    asm.jne(counted);
    asm.cmp(dword(esi, SC_EIP), CODE);
    asm.jb(goOn); // the driver's own steps on the way into a case or out of it
    bind(counted);
    asm.sub(runner.steps, 1);
    asm.js(keep);
    bind(goOn);
    asm.add(esp, 4);
    systemCall(SYS_SIGRETURN);

    bind(keep);
    asm.mov(ebx, runner.current);
    asm.mov(ecx, dword(esp, ARGUMENT_SIGINFO));
    const information = [[SI_SIGNO, REC_STEPS_OR_SIGNAL], [SI_CODE, REC_SIGNAL_CODE], [
      SI_ADDR,
      REC_SIGNAL_ADDRESS,
    ]];
    for (const [from, to] of information) {
      asm.mov(eax, dword(ecx, from));
      asm.mov(dword(ebx, to), eax);
    }
    for (let i = 0; i < 8; i++) {
      asm.mov(eax, dword(esi, SC_EDI + 4 * i));
      asm.mov(dword(ebx, 4 * i), eax);
    }
    asm.mov(eax, dword(esi, SC_TRAPNO));
    asm.or(eax, EXIT_FAULT);
    asm.mov(dword(ebx, REC_ESP_OR_EXIT), eax);
    const rest = [[SC_EFLAGS, REC_EFLAGS], [SC_ERR, REC_CODE_OR_ERROR], [SC_EIP, REC_EIP], [
      SC_CR2,
      REC_SEGMENTS_OR_CR2,
    ]];
    for (const [from, to] of rest) {
      asm.mov(eax, dword(esi, from));
      asm.mov(dword(ebx, to), eax);
    }
    SELECTORS.forEach(([, to], i) => {
      asm.mov(eax, dword(esi, SC_SEGMENTS[i]));
      asm.mov(word(ebx, to), ax);
    });
    // the kernel keeps the FPU's state of the interrupted code behind 112 bytes of older layout
    asm.mov(esi, dword(esi, SC_FPSTATE));
    asm.add(esi, FPSTATE_FXSAVE);
    asm.lea(edi, address(ebx, REC_FX));
    asm.mov(ecx, FX_SIZE / 4);
    asm.movsd("rep");
    enter(runner.join);
  });

  const action = table("sigaction", () => [
    addressOf(handler.label),
    SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTORER,
    addressOf(handler.label), // never returned through
    0,
    0,
  ]);
  const stack = table("stack_t", () => [SIGNAL_STACK, 0, SIGNAL_STACK_SIZE]);
  const descriptors = table("descriptors", () => SEGMENTS.flatMap(userDescriptor));

  const start = code("start", () => {
    asm.mov(edi, descriptors.operand());
    for (let i = 0; i < SEGMENTS.length; i++) {
      asm.mov(ebx, WRITE_LDT);
      asm.mov(ecx, edi);
      asm.mov(edx, 16);
      systemCall(SYS_MODIFY_LDT);
      asm.add(edi, 16);
    }
    // a page that was never touched is not there yet: a write to it would not look like one to a
    // page that is there but read-only
    asm.mov(eax, dword(READONLY));
    asm.mov(ebx, stack.operand());
    asm.mov(ecx, 0);
    systemCall(SYS_SIGALTSTACK);
    for (const signal of SIGNALS) {
      asm.mov(ebx, signal);
      asm.mov(ecx, action.operand());
      asm.mov(edx, 0);
      asm.mov(esi, 8);
      systemCall(SYS_SIGACTION);
    }
    enter(runner.run);
  });
  return { start, runner };
}

/** Jumps with CS set to the LDT's code segment. */
function enter(target: Callable): void {
  asm.push(FLAT_CS.selector);
  asm.push(addressOf(target.label));
  asm.retf();
}
