// Pipes: a page as a ring, readers that wait for bytes and writers that wait for room.

import { EINTR, EMFILE, EPIPE } from "../../abi/errors.ts";
import { array, fn, for_, forever, global, if_, local, ret, struct, u32 } from "../../asm/mod.ts";
import { get_free_page, PAGE, put_page } from "../memory/pages.ts";
import { sleep_for } from "./schedule.ts";
import { wake_up } from "./sleep.ts";
import { current } from "./task.ts";
import { copy_from_user, copy_to_user } from "./user_memory.ts";

const MAX_PIPES = 16;
export const Pipe = struct("pipe", {
  /** Its ring, 0 while the slot is free. */
  page: u32,
  readers: u32,
  writers: u32,
  /** Bytes read and written since the beginning. */
  taken: u32,
  given: u32,
});
const pipes = global("pipes", array(Pipe, MAX_PIPES));
export const pipeAt = (i: Parameters<typeof pipes.at>[0]) => pipes.at(i);

/** A pipe with one end of each kind; its number, or -EMFILE. */
export const pipe_create = fn("pipe_create", () => {
  for_(0, MAX_PIPES, (i) => {
    const p = pipes.at(i);
    if_(p.page.eq(0), () => {
      const page = local(get_free_page());
      if_(page.eq(0), () => ret(-EMFILE));
      p.page.set(page);
      p.readers.set(1);
      p.writers.set(1);
      p.taken.set(0);
      p.given.set(0);
      ret(i);
    });
  });
  ret(-EMFILE);
});

/** (pipe): an end was closed. Whoever waits at the other looks again. */
export const pipe_closed = fn("pipe_closed", (pipe) => {
  const p = Pipe.at(pipe);
  if_(p.readers.or(p.writers).eq(0), () => {
    put_page(p.page);
    p.page.set(0);
    ret();
  });
  wake_up(pipe);
});

/** (a, b): the smaller. */
const least = fn("least", (a, b) => {
  if_(a.lt(b), () => ret(a));
  ret(b);
});

/** (pipe, to, bytes): what there is, at most `bytes`; 0 at the end, which is when all writers are gone. */
export const pipe_read = fn("pipe_read", (pipe, to, bytes) => {
  const p = Pipe.at(pipe);
  forever(() => {
    const there = local(least(p.given.minus(p.taken), bytes));
    if_(there.ne(0), () => {
      const at = local(p.taken.and(PAGE - 1));
      there.set(least(there, at.times(-1).plus(PAGE)));
      const bad = local(copy_to_user(to, p.page.plus(at), there));
      if_(bad.ne(0), () => ret(bad));
      p.taken.add(there);
      wake_up(pipe);
      ret(there);
    });
    if_(p.writers.eq(0).either(() => bytes.eq(0)), () => ret(0));
    if_(current.pending.ne(0), () => ret(-EINTR));
    sleep_for(pipe);
  });
});

/** (pipe, from, bytes): all of it, as room comes; -EPIPE when nobody reads any more. */
export const pipe_write = fn("pipe_write", (pipe, from, bytes) => {
  const p = Pipe.at(pipe);
  const done = local(0);
  forever(() => {
    if_(p.readers.eq(0), () => ret(-EPIPE));
    if_(done.eq(bytes), () => ret(done));
    const room = local(p.taken.plus(PAGE).minus(p.given));
    if_(room.ne(0), () => {
      const at = local(p.given.and(PAGE - 1));
      const part = local(least(least(bytes.minus(done), room), at.times(-1).plus(PAGE)));
      const bad = local(copy_from_user(p.page.plus(at), from.plus(done), part));
      if_(bad.ne(0), () => ret(bad));
      p.given.add(part);
      done.add(part);
      wake_up(pipe);
    }, () => {
      if_(current.pending.ne(0), () => ret(-EINTR));
      sleep_for(pipe);
    });
  });
});
