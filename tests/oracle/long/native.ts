/**
 * The native world in 64-bit code: a static process in which every case ends with a signal. The handler
 * takes the registers from the signal frame and puts the next case's there: the kernel loads them on the
 * way back, and that is all there is of a driver.
 *
 * Facts: Linux's x86-64 system call numbers; struct rt_sigframe, ucontext and sigcontext_64; arch_prctl.
 */
import { runProcess } from "../process.ts";
import {
  BASE,
  CODE,
  EDGE,
  EDGE_SIZE,
  READONLY,
  RECORDS,
  SCRATCH,
  SCRATCH_SIZE,
  SIGNAL_STACK,
  SIGNAL_STACK_SIZE,
  UNMAPPED,
} from "../layout.ts";
import { bytes } from "../../float/native.ts";
import { type LongCase, type LongOutcome, readLongOutcome, writeLongCase } from "./case.ts";
import { type Segment64, staticProgram } from "./elf64.ts";
import { readOnlyPage } from "../image.ts";
import { caseCode } from "./image.ts";
import {
  CASE_WORDS,
  CONTEXT_WORDS,
  FS_BASE,
  FX_BYTES,
  GS_BASE,
  REC_FX,
  REC_MEMORY,
  RECORD_BYTES,
} from "./layout.ts";

const PAGE = 4096;
const TIMEOUT = 20_000;
const DATA = BASE + 2 * PAGE;
/** Variables: the record at work, struct sigaction, stack_t. */
const CURRENT = DATA, ACTION = DATA + 64, STACK = DATA + 128;
/** The first record follows one that takes what the start leaves. */
const FIRST = RECORDS + PAGE;
const HANDLER = BASE + 2048;

const SYS_WRITE = 1, SYS_SIGACTION = 13, SYS_SIGRETURN = 15, SYS_EXIT = 60;
const SYS_SIGALTSTACK = 131, SYS_ARCH_PRCTL = 158;
const SIGNALS = [4, 5, 7, 8, 11]; // ILL TRAP BUS FPE SEGV
const SA_SIGINFO = 4, SA_RESTORER = 0x04000000, SA_ONSTACK = 0x08000000, SA_NODEFER = 0x40000000;
const ARCH_SET_GS = 0x1001, ARCH_SET_FS = 0x1002;
// in struct ucontext
const UC_CONTEXT = 40, UC_FPSTATE = 224;
/** The kernel loads the parts of the FPU's state that the header behind the 512 bytes names. */
const XSTATE_BV = 512, X87_AND_SSE = 3;

const i32 = (n: number) => bytes(n, 4);
const movEdi = (n: number) => [0xbf, ...i32(n)];
const movEsi = (n: number) => [0xbe, ...i32(n)];
const movRsi = (n: bigint) => [0x48, 0xbe, ...bytes(n, 8)];
const systemCall = (n: number) => [0xb8, ...i32(n), 0x0f, 0x05];
const repMovsq = (n: number) => [0xb9, ...i32(n / 8), 0xf3, 0x48, 0xa5];
/** lea rsi/rdi, [rbx + n]; lea rsi/rdi, [rbp + n]; mov rsi/rdi, [rbp + n] */
const leaRsiRbx = (n: number) => [0x48, 0x8d, 0xb3, ...i32(n)];
const leaRdiRbx = (n: number) => [0x48, 0x8d, 0xbb, ...i32(n)];
const leaRsiRbp = (n: number) => [0x48, 0x8d, 0xb5, ...i32(n)];
const leaRdiRbp = (n: number) => [0x48, 0x8d, 0xbd, ...i32(n)];
const loadRsiRbp = (n: number) => [0x48, 0x8b, 0xb5, ...i32(n)];
const loadRdiRbp = (n: number) => [0x48, 0x8b, 0xbd, ...i32(n)];

function startCode(codeEnd: number): number[] {
  return [
    ...[...movEdi(STACK), 0x31, 0xf6, ...systemCall(SYS_SIGALTSTACK)],
    ...[...movEdi(ARCH_SET_FS), ...movRsi(FS_BASE), ...systemCall(SYS_ARCH_PRCTL)],
    ...[...movEdi(ARCH_SET_GS), ...movRsi(GS_BASE), ...systemCall(SYS_ARCH_PRCTL)],
    // a page never touched is not there: a write to it would not look like one to a read-only page
    ...[0x8a, 0x04, 0x25, ...i32(READONLY)],
    // and a host under another one may take a page's first fetch amiss where the stack pointer is no address:
    // mov esi, CODE; mov al, [rsi]; add esi, PAGE; cmp esi, end; jb
    ...[...movEsi(CODE), 0x8a, 0x06, 0x81, 0xc6, ...i32(PAGE), 0x81, 0xfe, ...i32(codeEnd)],
    ...[0x72, 0xf0],
    ...SIGNALS.flatMap((n) => [
      ...[...movEdi(n), ...movEsi(ACTION), 0x31, 0xd2, 0x41, 0xba, ...i32(8)],
      ...systemCall(SYS_SIGACTION),
    ]),
    ...[0x0f, 0x0b],
  ];
}

/** RDX is the ucontext; RBP keeps it, RBX is the record. */
function handlerCode(count: number): number[] {
  const take = [
    ...[0x48, 0x89, 0xd5, 0x48, 0x8b, 0x1c, 0x25, ...i32(CURRENT)],
    ...[...leaRsiRbp(UC_CONTEXT), 0x48, 0x89, 0xdf, ...repMovsq(CONTEXT_WORDS * 8)],
    ...[...loadRsiRbp(UC_FPSTATE), ...leaRdiRbx(REC_FX), ...repMovsq(FX_BYTES)],
    ...[...movEsi(SCRATCH), ...leaRdiRbx(REC_MEMORY), ...repMovsq(SCRATCH_SIZE)],
    ...[...movEsi(EDGE), ...repMovsq(EDGE_SIZE)],
    ...[0x48, 0x81, 0xc3, ...i32(RECORD_BYTES), 0x48, 0x89, 0x1c, 0x25, ...i32(CURRENT)],
    ...[0x48, 0x81, 0xfb, ...i32(FIRST + count * RECORD_BYTES)],
  ];
  const give = [
    ...[...leaRsiRbx(REC_MEMORY), ...movEdi(SCRATCH), ...repMovsq(SCRATCH_SIZE)],
    ...[...movEdi(EDGE), ...repMovsq(EDGE_SIZE)],
    ...[...leaRsiRbx(REC_FX), ...loadRdiRbp(UC_FPSTATE), ...repMovsq(FX_BYTES)],
    ...[...loadRdiRbp(UC_FPSTATE), 0x48, 0x83, 0x8f, ...i32(XSTATE_BV), X87_AND_SSE],
    ...[0x48, 0x89, 0xde, ...leaRdiRbp(UC_CONTEXT), ...repMovsq(CASE_WORDS * 8)],
    // flags that the kernel does not take from the frame (NT, ID) must not stay: push 202; popf
    ...[0x68, ...i32(0x202), 0x9d],
    ...[0x48, 0x83, 0xc4, 8, ...systemCall(SYS_SIGRETURN)],
  ];
  const finish = [
    ...[...movEsi(FIRST), 0xba, ...i32(count * RECORD_BYTES)],
    ...[...movEdi(1), ...systemCall(SYS_WRITE)],
    // add rsi, rax; sub rdx, rax; again unless done or failed
    ...[0x48, 0x85, 0xc0, 0x7e, 8, 0x48, 0x01, 0xc6, 0x48, 0x29, 0xc2, 0x75, 0xe7],
    ...[0x89, 0xd7, ...systemCall(SYS_EXIT)],
  ];
  return [...take, 0x0f, 0x83, ...i32(give.length), ...give, ...finish];
}

function executable(cases: readonly LongCase[]): Uint8Array {
  const text = new Uint8Array(PAGE);
  const code = caseCode(cases);
  text.set(startCode(CODE + code.length));
  text.set(handlerCode(cases.length), HANDLER - BASE);
  const data = new Uint8Array(PAGE);
  const view = new DataView(data.buffer);
  const words = (at: number, list: number[]) =>
    list.forEach((v, i) => view.setBigUint64(at - DATA + i * 8, BigInt(v), true));
  words(CURRENT, [FIRST - RECORD_BYTES]);
  const flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTORER;
  words(ACTION, [HANDLER, flags, HANDLER, 0]); // never returned through
  words(STACK, [SIGNAL_STACK, 0, SIGNAL_STACK_SIZE]);
  const records = new Uint8Array(PAGE + cases.length * RECORD_BYTES);
  const recordView = new DataView(records.buffer);
  cases.forEach((c, n) => writeLongCase(c, n, recordView, PAGE + n * RECORD_BYTES));
  const none = new Uint8Array(0);
  const room = (address: number, end: number): Segment64 => ({
    address,
    bytes: none,
    size: end - address,
    writable: true,
  });
  return staticProgram(BASE, [
    { address: BASE, bytes: text, executable: true },
    { address: DATA, bytes: data, writable: true },
    { address: READONLY, bytes: readOnlyPage() },
    room(READONLY + PAGE, UNMAPPED),
    room(UNMAPPED + PAGE, CODE),
    { address: CODE, bytes: code, executable: true },
    { address: RECORDS, bytes: records, writable: true },
    room(SIGNAL_STACK, SIGNAL_STACK + SIGNAL_STACK_SIZE),
  ]);
}

/** Whether this host runs x86-64 Linux executables, as every x86-64 Linux does. */
export const RUNS_LONG = Deno.build.os === "linux" && Deno.build.arch === "x86_64";

/**
 * Runs cases on the host's processor.
 *
 * @throws Error if the process could not run, or ended other than it should
 */
export async function runLongNatively(cases: readonly LongCase[]): Promise<LongOutcome[]> {
  const stdout = await runProcess(executable(cases), cases.length * RECORD_BYTES, TIMEOUT);
  const view = new DataView(stdout.buffer, stdout.byteOffset, stdout.length);
  return cases.map((_, n) => readLongOutcome(view, n * RECORD_BYTES));
}
