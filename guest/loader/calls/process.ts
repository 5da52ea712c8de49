// System calls about the process itself, of which there is one.

import { EINVAL, ENOENT, EPERM, ESRCH, Sysinfo, UserDesc } from "../../abi/linux.ts";
import { asm, code, eax, edx, fn, for_, if_, local, localOf, ret, u32, u8 } from "../../asm/mod.ts";
import { array, global } from "../../asm/mod.ts";
import { free_frames } from "../frames.ts";
import { clear_words } from "../clear.ts";
import { set_descriptor } from "../../kernel/segments.ts";
import { startInfo } from "../../kernel/state.ts";
import { copy } from "../../kernel/strings.ts";
import { end_user } from "../../kernel/user.ts";
import { answer, from_user, take_path, to_user } from "../user_memory.ts";

export const sys_exit = fn("sys_exit", (status) => void end_user(status.and(255)));

/** Signals cannot be caught: one to ourselves ends the program as a shell would report it. */
export const sys_kill = fn("sys_kill", (pid, signal) => {
  if_(pid.ne(PID), () => ret(-ESRCH));
  if_(signal.ne(0), () => void end_user(signal.plus(128)));
  ret(0);
});
export const sys_tgkill = fn("sys_tgkill", (_group, pid, signal) => ret(sys_kill(pid, signal)));

const PID = 1;
export const sys_getpid = fn("sys_getpid", () => ret(PID));
export const sys_getppid = fn("sys_getppid", () => ret(0));

/** Files get no modes, so the mask stays what it is everywhere. */
export const sys_umask = fn("sys_umask", () => ret(0o22));

/** The GDT's entries for thread-local segments, numbered as on a 32-bit Linux. */
const FIRST = 6, LAST = 8;
const used = global("tls_used", array(u8, LAST + 1));

/** Empties them. */
export const tls_init = fn("tls_init", () => {
  for_(FIRST, LAST + 1, (entry) => {
    used.at(entry).set(0);
    set_descriptor(entry.shl(3), 0, 0);
  });
});

/** Bits of user_desc.flags, and where each stands in a descriptor's high word. */
const DESC = { seg_32bit: 1, contents: 6, read_exec_only: 8, pages: 16, not_present: 32 } as const;

/** (user_desc): fills an entry, the first unused one if none is named, and tells which. */
export const sys_set_thread_area = fn("sys_set_thread_area", (address) => {
  const desc = localOf(UserDesc);
  const bad = local(from_user(desc.address, address, UserDesc.size));
  if_(bad.ne(0), () => ret(bad));
  const entry = local(desc.entry_number);
  if_(entry.eq(-1), () => {
    entry.set(FIRST);
    for_(FIRST, LAST, (i) => {
      if_(entry.eq(i).both(() => used.at(i).ne(0)), () => entry.inc());
    });
    if_(used.at(entry).ne(0), () => ret(-ESRCH));
  });
  if_(entry.lt(FIRST).either(() => entry.gt(LAST)), () => ret(-EINVAL));
  const flags = local(desc.flags);
  // Only data segments: contents 0, or 1 for one that grows down.
  if_(flags.and(DESC.contents).gt(2), () => ret(-EINVAL));
  const low = local(desc.base_addr.shl(16).or(desc.limit.and(0xffff)));
  const high = local(0x0000f200); // DPL 3, data, writable
  high.setBits(desc.base_addr.and(0xff000000).or(desc.base_addr.shr(16).and(0xff)));
  high.setBits(desc.limit.and(0x000f0000));
  high.setBits(flags.and(DESC.contents).shl(9));
  if_(flags.and(DESC.read_exec_only).ne(0), () => high.take(0x200));
  if_(flags.and(DESC.seg_32bit).ne(0), () => high.setBits(0x00400000));
  if_(flags.and(DESC.pages).ne(0), () => high.setBits(0x00800000));
  if_(flags.and(DESC.not_present).eq(0), () => high.setBits(0x8000), () => high.take(0x8000));
  if_(set_descriptor(entry.shl(3), low, high).ne(0), () => ret(-EPERM));
  used.at(entry).set(1);
  desc.entry_number.set(entry);
  answer(address, desc.address, 4);
});

const UTSNAME = ["Linux", "paravane", "6.1.0", "#1", "i686", "(none)"];
const FIELD = 65;
const uts = global("utsname", array(u8, FIELD * 6));

export const sys_uname = fn("sys_uname", (result) => {
  UTSNAME.forEach((text, i) => copy(uts.at(i * FIELD).address, text, text.length + 1));
  answer(result, uts.address, FIELD * 6);
});

export const sys_sysinfo = fn("sys_sysinfo", (result) => {
  const info = localOf(Sysinfo);
  clear_words(info.address, Sysinfo.size / 4);
  info.totalram.set(startInfo.nr_pages);
  info.freeram.set(free_frames());
  info.procs.set(1);
  info.mem_unit.set(4096);
  answer(result, info.address, Sysinfo.size);
});

/** Limits: 8 MiB of stack, none for the rest. */
const limit_of = fn("limit_of", (resource) => {
  if_(resource.eq(3), () => ret(0x800000));
  ret(-1);
});

export const sys_ugetrlimit = fn("sys_ugetrlimit", (resource, result) => {
  const pair = localOf(array(u32, 2));
  pair.at(0).set(limit_of(resource));
  pair.at(1).set(-1);
  answer(result, pair.address, 8);
});

/** (pid, resource, new, old): tells; does not change. */
export const sys_prlimit64 = fn("sys_prlimit64", (_pid, resource, wanted, old) => {
  if_(wanted.ne(0), () => ret(-EPERM));
  if_(old.eq(0), () => ret(0));
  const four = localOf(array(u32, 4));
  four.at(0).set(limit_of(resource));
  four.at(1).set(0);
  if_(four.at(0).eq(-1), () => four.at(1).set(-1));
  four.at(2).set(-1);
  four.at(3).set(-1);
  answer(old, four.address, 16);
});

const PR_GET_NAME = 16;
const NAME = "program";

export const sys_prctl = fn("sys_prctl", (option, address) => {
  if_(option.ne(PR_GET_NAME), () => ret(-EINVAL));
  ret(to_user(address, NAME, NAME.length + 1));
});

/** There are no symbolic links, not even /proc/self/exe. */
export const sys_readlink = fn("sys_readlink", (address) => {
  const bad = local(take_path(address));
  if_(bad.ne(0), () => ret(bad));
  ret(-ENOENT);
});

/** The time stamp counter's low half. */
const low_tsc = code("low_tsc", () => {
  asm.rdtsc();
  asm.xor(eax, edx);
  asm.ret();
});
const seed = global("random_seed", u32);

/** A number that differs from time to time, by xorshift; no secret. */
export const random_word = fn("random_word", () => {
  if_(seed.eq(0), () => seed.set(low_tsc().or(1)));
  seed.set(seed.xor(seed.shl(13)));
  seed.set(seed.xor(seed.shr(17)));
  seed.set(seed.xor(seed.shl(5)));
  ret(seed);
});

export const sys_getrandom = fn("sys_getrandom", (buffer, length) => {
  if_(length.gt(256), () => length.set(256));
  const word = local();
  for_(0, length, (i) => {
    word.set(random_word());
    const bad = local(to_user(buffer.plus(i), word.address, 1));
    if_(bad.ne(0), () => ret(bad));
  });
  ret(length);
});
