// A program into memory: each loadable segment of a static ELF file becomes an area.

import { PTE } from "../abi/numbers.ts";
import { ELF, ElfHeader, ENOEXEC, ProgramHeader } from "../abi/linux.ts";
import { fn, for_, global, if_, local, ret, struct, u32 } from "../asm/mod.ts";
import { add_area, area_in } from "./areas.ts";
import { brk_init } from "./calls/memory.ts";
import { File } from "./files.ts";
import { STACK_LOW, USER_LOW } from "./layout.ts";

const PAGE = 4096;

/** What the process is told about its program. */
export const program = global(
  "program",
  struct("program", { entry: u32, headers: u32, count: u32, end: u32 }),
);

/** (file): 1 if it is a 32-bit static program with its program headers in it. */
const is_program = fn("is_program", (at) => {
  const file = File.at(at);
  const header = ElfHeader.at(local(file.data));
  if_(file.size.lt(ElfHeader.size), () => ret(0));
  if_(u32.at(header.address).ne(ELF.magic), () => ret(0));
  if_(header.ident.at(4).ne(ELF.class32).either(() => header.machine.ne(ELF.i386)), () => ret(0));
  if_(header.type.ne(ELF.exec).either(() => header.phentsize.ne(ProgramHeader.size)), () => ret(0));
  if_(header.phnum.eq(0).either(() => header.phoff.gt(file.size)), () => ret(0));
  ret(header.phnum.times(ProgramHeader.size).le(file.size.minus(header.phoff)));
});

/** (file, program header): makes the segment's area; 0 or -ENOEXEC. */
const load_segment = fn("load_segment", (at, headerAt) => {
  const file = File.at(at), segment = ProgramHeader.at(headerAt);
  if_(segment.offset.gt(file.size), () => ret(-ENOEXEC));
  if_(segment.filesz.gt(file.size.minus(segment.offset)), () => ret(-ENOEXEC));
  if_(segment.filesz.gt(segment.memsz).either(() => segment.memsz.eq(0)), () => ret(-ENOEXEC));
  // The page that a segment begins in holds what lies before it in the file, too.
  const before = local(segment.vaddr.and(PAGE - 1));
  if_(before.gt(segment.offset), () => ret(-ENOEXEC));
  const start = local(segment.vaddr.minus(before));
  if_(start.lt(USER_LOW).either(() => start.ge(STACK_LOW)), () => ret(-ENOEXEC));
  if_(segment.memsz.gt(local(STACK_LOW).minus(segment.vaddr)), () => ret(-ENOEXEC));
  const end = local(segment.vaddr.plus(segment.memsz).plus(PAGE - 1).and(-PAGE));
  if_(area_in(start, end).ne(0), () => ret(-ENOEXEC));
  const rights = local(PTE.readonly | PTE.user);
  if_(segment.flags.and(ELF.write).ne(0), () => rights.set(PTE.userData));
  const from = local(file.data.plus(segment.offset).minus(before));
  if_(add_area(start, end, rights, from, segment.filesz.plus(before)).ne(0), () => ret(-ENOEXEC));
  if_(end.gt(program.end), () => program.end.set(end));

  const header = ElfHeader.at(local(file.data));
  const into = local(header.phoff.minus(segment.offset));
  if_(header.phoff.ge(segment.offset).both(() => into.lt(segment.filesz)), () => {
    program.headers.set(segment.vaddr.plus(into));
  });
  ret(0);
});

/** (file): loads a program into an empty address space; 0 or -ENOEXEC. */
export const load_program = fn("load_program", (at) => {
  if_(is_program(at).eq(0), () => ret(-ENOEXEC));
  const header = ElfHeader.at(local(File.at(at).data));
  program.entry.set(header.entry);
  program.count.set(header.phnum);
  program.headers.set(0);
  program.end.set(0);
  for_(0, header.phnum, (i) => {
    const segment = local(i.times(ProgramHeader.size).plus(header.phoff).plus(header.address));
    if_(ProgramHeader.at(segment).type.eq(ELF.load), () => {
      if_(load_segment(at, segment).ne(0), () => ret(-ENOEXEC));
    });
  });
  if_(program.end.eq(0), () => ret(-ENOEXEC));
  brk_init(program.end);
  ret(0);
});
