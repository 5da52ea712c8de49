// Open files: the console and the ends of pipes. A descriptor is one word of its task: what it is in
// the lowest byte, and the pipe it leads to above that.

import { EBADF, EMFILE } from "../../abi/errors.ts";
import { fn, for_, if_, local, ret } from "../../asm/mod.ts";
import type { Place, Value } from "../../asm/mod.ts";
import { pipe_closed, pipe_create, pipe_read, pipe_write, pipeAt } from "./pipes.ts";
import { current, MAX_FILES, Task } from "./task.ts";
import { tty_read, tty_write } from "./tty.ts";

const KIND = { closed: 0, console: 1, reader: 2, writer: 3 } as const;
const kindOf = (word: Value) => word.and(0xff);
const pipeOf = (word: Value) => pipeAt(word.shr(8));

/** (task): standard input, output and errors at the console. */
export const open_console = fn("open_console", (task) => {
  for (const n of [0, 1, 2]) Task.at(task).files.at(n).set(KIND.console);
});

/** (word, by): one descriptor more (1) or less (-1) leads there. */
const count_end = fn("count_end", (word, by) => {
  const pipe = pipeOf(word);
  if_(kindOf(word).eq(KIND.reader), () => pipe.readers.add(by));
  if_(kindOf(word).eq(KIND.writer), () => pipe.writers.add(by));
  if_(kindOf(word).ge(KIND.reader).both(() => by.eq(-1)), () => void pipe_closed(pipe.address));
});

/** (task): its copies of another's descriptors count. */
export const share_files = fn("share_files", (task) => {
  for_(0, MAX_FILES, (fd) => void count_end(Task.at(task).files.at(fd), 1));
});

/** (fd): 0 or -EBADF. */
export const file_close = fn("file_close", (fd) => {
  if_(fd.ge(MAX_FILES).either(() => current.files.at(fd).eq(0)), () => ret(-EBADF));
  const word = local(current.files.at(fd));
  current.files.at(fd).set(KIND.closed);
  count_end(word, -1);
  ret(0);
});
export const close_all = fn("close_all", () => {
  for_(0, MAX_FILES, (fd) => void file_close(fd));
});

/** The lowest descriptor that is closed, or -EMFILE. */
const free_fd = fn("free_fd", () => {
  for_(0, MAX_FILES, (fd) => if_(current.files.at(fd).eq(0), () => ret(fd)));
  ret(-EMFILE);
});

/** (old, new): `new` leads where `old` does. */
export const file_duplicate = fn("file_duplicate", (old, fresh) => {
  if_(old.ge(MAX_FILES).either(() => fresh.ge(MAX_FILES)), () => ret(-EBADF));
  if_(current.files.at(old).eq(0), () => ret(-EBADF));
  if_(old.eq(fresh), () => ret(fresh));
  file_close(fresh);
  current.files.at(fresh).set(current.files.at(old));
  count_end(current.files.at(fresh), 1);
  ret(fresh);
});

/** A pipe: descriptors of its ends, reader in the lower half of the result, or a negative errno. */
export const file_pipe = fn("file_pipe", () => {
  const pipe = local(pipe_create());
  if_(pipe.isNegative(), () => ret(pipe));
  const reader = local(free_fd());
  if_(reader.isNegative(), () => {
    drop_pipe(pipe);
    ret(-EMFILE);
  });
  current.files.at(reader).set(pipe.shl(8).or(KIND.reader));
  const writer = local(free_fd());
  if_(writer.isNegative(), () => {
    current.files.at(reader).set(KIND.closed);
    drop_pipe(pipe);
    ret(-EMFILE);
  });
  current.files.at(writer).set(pipe.shl(8).or(KIND.writer));
  ret(writer.shl(16).or(reader));
});
const drop_pipe = fn("drop_pipe", (i) => {
  const pipe = pipeAt(i);
  pipe.readers.set(0);
  pipe.writers.set(0);
  pipe_closed(pipe.address);
});

/** Calls what reads or writes the kind of file that a descriptor is. */
const dispatch = (fd: Place, then: (word: Place) => void) => {
  if_(fd.ge(MAX_FILES), () => ret(-EBADF));
  const word = local(current.files.at(fd));
  then(word);
  ret(-EBADF);
};
/** (fd, to, bytes) */
export const file_read = fn("file_read", (fd, to, bytes) => {
  dispatch(fd, (word) => {
    if_(kindOf(word).eq(KIND.console), () => ret(tty_read(to, bytes)));
    if_(kindOf(word).eq(KIND.reader), () => ret(pipe_read(pipeOf(word).address, to, bytes)));
  });
});
/** (fd, from, bytes) */
export const file_write = fn("file_write", (fd, from, bytes) => {
  dispatch(fd, (word) => {
    if_(kindOf(word).eq(KIND.console), () => ret(tty_write(from, bytes)));
    if_(kindOf(word).eq(KIND.writer), () => ret(pipe_write(pipeOf(word).address, from, bytes)));
  });
});
