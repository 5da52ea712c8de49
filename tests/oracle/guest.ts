/**
 * Our world: a PV guest whose kernel does nothing but catch what ring 3 raises. Ring 3 runs the same
 * cases at the same addresses with the same LDT as the native process.
 */
import { DOMID_SELF, FLAT as XEN, SCHEDOP, SHUTDOWN, UVMF } from "../../guest/abi/numbers.ts";
import { StartInfo } from "../../guest/abi/structs.ts";
import {
  address,
  addressOf,
  asm,
  ax,
  bind,
  code,
  cr2,
  ds,
  dword,
  eax,
  ebx,
  ecx,
  edi,
  edx,
  es,
  esi,
  esp,
  fn,
  for_,
  global,
  if_,
  Label,
  local,
  raw,
  table,
  u32,
  word,
} from "../../guest/asm/mod.ts";
import type { Callable } from "../../guest/asm/mod.ts";
import {
  mmuext_op,
  sched_op,
  set_trap_table,
  stack_switch,
  update_va_mapping,
} from "../../guest/kernel/hypercalls.ts";
import {
  BASE,
  CODE,
  descriptor,
  DRIVER,
  DRIVER_STACK,
  EXIT_FAULT,
  FLAT,
  FLAT_CS,
  KERNEL_STACK,
  LDT,
  READONLY,
  REC_CODE_OR_ERROR,
  REC_EFLAGS,
  REC_EIP,
  REC_ESP_OR_EXIT,
  REC_FX,
  REC_SEGMENTS_OR_CR2,
  REC_STEPS_OR_SIGNAL,
  RECORDS,
  SEGMENTS,
  UNMAPPED,
} from "./layout.ts";
import { DEFAULT_FLAGS, makeRunner, type Runner, SELECTORS } from "./runner.ts";

const PAGE = 4096;
const USER_DATA = 0x67, USER_READONLY = 0x25, KERNEL_READONLY = 0x21;
const MMUEXT_SET_LDT = 13;
/** Ring 3 raises this when all cases are done. */
const FINISH = 0x81;
const WITH_ERROR = [8, 10, 11, 12, 13, 14, 17];
const EXCEPTIONS = [0, 1, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 16, 17, 19];
/** As on Linux: INT3 and INTO may be raised by ring 3. */
const FROM_USER = [3, 4, FINISH];
const MASKED = 4;

const DEBUG = 1;
/** MOV EAX, DR6 and MOV DR6, EAX. */
const READ_DR6 = [0x0f, 0x21, 0xf0], WRITE_DR6 = [0x0f, 0x23, 0xf0];

// Behind DS, EAX, the vector and the error code.
const STEP_EIP = 16, STEP_CS = 20;
// Behind PUSHAD, a stub's vector, and what Xen pushed.
const AT_VECTOR = 32, AT_ERROR = 36, AT_EIP = 40, AT_EFLAGS = 48, AT_ESP = 52;

/**
 * The guest's entry point, and the runner's labels.
 *
 * @param pages of the whole image
 * @param textPages of the driver's code, which is read-only as in the native process
 */
export function guestDriver(
  pages: number,
  textPages: number,
): { start: Callable; runner: Runner } {
  const runner = makeRunner(() => asm.int(FINISH));
  const startInfoAt = global("start_info_at", u32);

  const common = code("trap", () => {
    asm.pushad();
    asm.mov(eax, ds);
    asm.mov(ecx, es);
    asm.mov(edx, XEN.ring1_ds);
    asm.mov(ds, edx);
    asm.mov(es, edx);
    asm.cld();
    asm.mov(ebx, runner.current);
    for (const [s, to] of SELECTORS) {
      if (s === es) asm.mov(eax, ecx);
      else if (s !== ds) asm.mov(eax, s);
      asm.mov(word(ebx, to), ax);
    }
    asm.mov(esi, esp);
    asm.mov(edi, ebx);
    asm.mov(ecx, 8);
    asm.movsd("rep");
    const rest = [[AT_EFLAGS, REC_EFLAGS], [AT_ERROR, REC_CODE_OR_ERROR], [AT_EIP, REC_EIP], [
      AT_ESP,
      12,
    ]];
    for (const [from, to] of rest) {
      asm.mov(eax, dword(esp, from));
      asm.mov(dword(ebx, to), eax);
    }
    asm.mov(eax, dword(esp, AT_VECTOR));
    asm.or(eax, EXIT_FAULT);
    asm.mov(dword(ebx, REC_ESP_OR_EXIT), eax);
    asm.fxsave(address(ebx, REC_FX));
    raw(...READ_DR6);
    asm.mov(dword(ebx, REC_STEPS_OR_SIGNAL), eax);
    asm.xor(eax, eax);
    raw(...WRITE_DR6);
    asm.mov(eax, cr2);
    asm.mov(dword(ebx, REC_SEGMENTS_OR_CR2), eax);
    enter(runner.join);
  });

  const finish = fn("finish", () => {
    asm.mov(eax, XEN.ring1_ds);
    asm.mov(ds, eax);
    asm.mov(es, eax);
    const reason = local(SHUTDOWN.poweroff);
    sched_op(SCHEDOP.shutdown, reason.address);
  });

  /** A single step: to be let pass as long as the case says so, and always in the driver. */
  const step = code("trap_1", () => {
    const counted = new Label("counted"), goOn = new Label("go_on");
    asm.push(0);
    asm.push(DEBUG);
    asm.push(eax);
    asm.push(ds);
    asm.mov(eax, XEN.ring1_ds);
    asm.mov(ds, eax);
    asm.cmp(word(esp, STEP_CS), FLAT_CS.selector);
    asm.jne(counted);
    asm.cmp(dword(esp, STEP_EIP), CODE);
    asm.jb(goOn);
    bind(counted);
    asm.sub(runner.steps, 1);
    asm.jns(goOn);
    asm.pop(ds);
    asm.pop(eax);
    asm.jmp(common);

    bind(goOn);
    asm.xor(eax, eax);
    raw(...WRITE_DR6);
    asm.pop(ds);
    asm.pop(eax);
    asm.lea(esp, address(esp, 8));
    asm.iret();
  });

  const stub = (vector: number) =>
    vector === DEBUG ? step : code(`trap_${vector}`, () => {
      if (!WITH_ERROR.includes(vector)) asm.push(0);
      asm.push(vector);
      asm.jmp(common);
    });
  const traps = table("traps", () => [
    ...[...EXCEPTIONS, FINISH].flatMap((v) => [
      v | (FROM_USER.includes(v) ? 3 : 0) << 8 | MASKED << 8 | XEN.ring1_cs << 16,
      addressOf((v === FINISH ? finish : stub(v)).label),
    ]),
    0,
    0,
  ]);

  /** (address, flags): maps a page of the image anew. */
  const protect = fn("protect", (va, flags) => {
    const list = local(StartInfo.at(startInfoAt).mfn_list);
    const mfn = local(u32.at(va.minus(BASE).shr(12).times(4).plus(list)));
    if_(flags.eq(0), () => void update_va_mapping(va, 0, 0, UVMF.invlpg), () => {
      update_va_mapping(va, mfn.shl(12).or(flags), mfn.shr(20), UVMF.invlpg);
    });
  });

  const main = fn("main", () => {
    for_(0, pages, (i) => {
      protect(i.shl(12).plus(BASE), USER_DATA);
    });
    SEGMENTS.forEach((s, i) => {
      const [low, high] = descriptor(s);
      u32.at(LDT + i * 8).set(low);
      u32.at(LDT + i * 8 + 4).set(high);
    });
    protect(LDT, KERNEL_READONLY);
    protect(READONLY, USER_READONLY);
    for_(0, textPages, (i) => void protect(i.shl(12).plus(DRIVER), USER_READONLY));
    for_(0, (RECORDS - CODE) / PAGE, (i) => void protect(i.shl(12).plus(CODE), USER_READONLY));
    protect(UNMAPPED, 0);
    const setLdt = table("set_ldt", () => [MMUEXT_SET_LDT, LDT, SEGMENTS.length]);
    mmuext_op(setLdt, 1, 0, DOMID_SELF);
    set_trap_table(traps);
    stack_switch(XEN.ring1_ds, KERNEL_STACK);
    enter(runner.run);
  });

  const start = code("start", () => {
    asm.mov(startInfoAt, esi);
    asm.cld();
    asm.mov(esp, KERNEL_STACK - PAGE);
    asm.call(main);
  });
  return { start, runner };
}

/** Goes to ring 3. EBX is left alone. */
function enter(target: Callable): void {
  asm.push(FLAT.selector);
  asm.push(DRIVER_STACK);
  asm.push(DEFAULT_FLAGS);
  asm.push(FLAT_CS.selector);
  asm.push(addressOf(target.label));
  asm.iret();
}
