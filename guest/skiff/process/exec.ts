// A program takes over: a new address space with its image, a heap to grow and a stack with its
// arguments, and the frame with which it will be entered.

import { ENOEXEC, ENOMEM } from "../../abi/errors.ts";
import { PTE } from "../../abi/numbers.ts";
import { TrapFrame } from "../../abi/structs.ts";
import { addressOf, fn, for_, if_, local, ret, sectionEnd, u32 } from "../../asm/mod.ts";
import { USER_BASE } from "../../kernel/layout.ts";
import { USER_CS, USER_DS } from "../../kernel/selectors.ts";
import { after_word, clear_words, copy, length_of } from "../../kernel/strings.ts";
import { add_area, AREA, mm_create, mm_destroy, NX, pte_of } from "../memory/address_space.ts";
import { HEAP, STACK_SIZE, USER_END } from "../memory/layout.ts";
import { need_page, PAGE, pfnOf } from "../memory/pages.ts";
import { IF, pvMmu } from "../paravirt/ops.ts";
import { programs, programTable } from "../programs/table.ts";
import { name_task, start_at, task_create } from "./create.ts";
import { open_console } from "./files.ts";
import { trapReturnFirst } from "./first.ts";
import { use_mm } from "./switch.ts";
import { current, SIGNALS, stackTop, Task } from "./task.ts";

/** The longest command line, with its end. */
export const LINE_MAX = 256;
/** Where a program finds its arguments, and where its stack begins below them. */
const ARGUMENTS = USER_END - LINE_MAX, STACK_TOP = ARGUMENTS - 16;

/** (line): the program that the line's first word names, as its place in the table, or -1. */
export const find_program = fn("find_program", (line) => {
  for_(0, programs.length, (i) => {
    if_(after_word(line, u32.at(i.times(12).plus(programTable))), () => ret(i));
  });
  ret(-1);
});

/** (arguments): an address space with nothing but the image, and a stack that holds them; or 0. */
const program_space = fn("program_space", (args) => {
  const mm = local(mm_create());
  if_(mm.eq(0), () => ret(0));
  const data = PTE.write | NX;
  const imageEnd = local(addressOf(sectionEnd("user")).plus(PAGE - 1).and(-PAGE));
  add_area(mm, USER_BASE, imageEnd, AREA.image, 0);
  add_area(mm, HEAP, HEAP, AREA.heap, data);
  add_area(mm, USER_END - STACK_SIZE, USER_END, AREA.stack, data);
  const page = local(need_page());
  copy(page.plus(PAGE - LINE_MAX), args, length_of(args).plus(1));
  // One push of the program's start: the address of its arguments.
  u32.at(page.plus(PAGE - LINE_MAX - 16)).set(ARGUMENTS);
  const entry = local(pte_of(mm, USER_END - PAGE, 1));
  pvMmu.call.make_pte(entry, pfnOf(page), PTE.userData | NX);
  pvMmu.call.activate_mm(mm);
  ret(mm);
});

/** (frame, eip): a frame that enters a program, all registers zero. */
const program_frame = fn("program_frame", (frame, eip) => {
  clear_words(frame, TrapFrame.size);
  const f = TrapFrame.at(frame);
  for (const s of [f.ds, f.es, f.fs, f.gs, f.ss]) s.set(USER_DS);
  f.cs.set(USER_CS);
  f.eip.set(eip);
  f.esp.set(STACK_TOP);
  f.eflags.set(IF);
});

const entryOf = (program: Parameters<typeof u32.at>[0]) =>
  u32.at(local(program).times(12).plus(programTable).plus(4));
const nameOf = (program: Parameters<typeof u32.at>[0]) =>
  u32.at(local(program).times(12).plus(programTable));

/** (frame, line): the task that runs becomes the program that the line names; 0 or a negative errno. */
export const process_exec = fn("process_exec", (frame, line) => {
  const program = local(find_program(line));
  if_(program.isNegative(), () => ret(-ENOEXEC));
  const mm = local(program_space(after_word(line, nameOf(program))));
  if_(mm.eq(0), () => ret(-ENOMEM));
  const old = local(current.mm);
  current.mm.set(mm);
  use_mm(mm);
  if_(old.ne(0), () => void mm_destroy(old));
  for_(0, SIGNALS, (i) => current.handlers.at(i).set(0));
  current.fpu_used.set(0);
  name_task(current.address, nameOf(program));
  program_frame(frame, entryOf(program));
  ret(0);
});

/** (line): a new process for a program, not runnable yet; its task, or 0. */
export const process_spawn = fn("process_spawn", (line) => {
  const program = local(find_program(line));
  if_(program.isNegative(), () => ret(0));
  const task = local(task_create(nameOf(program)));
  if_(task.eq(0), () => ret(0));
  Task.at(task).mm.set(program_space(after_word(line, nameOf(program))));
  open_console(task);
  const frame = local(stackTop(task).minus(TrapFrame.size));
  program_frame(frame, entryOf(program));
  start_at(task, frame, addressOf(trapReturnFirst.label));
  ret(task);
});
