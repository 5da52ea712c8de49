// File descriptors. What is open has a position of its own; descriptors that dup made share it.

import { EBADF, EMFILE, isError } from "../abi/linux.ts";
import { array, fn, for_, global, if_, local, ret, struct, u32 } from "../asm/mod.ts";

const COUNT = 32;
export const KIND = { free: 0, nothing: 1, console: 2, file: 3 } as const;

export const Open = struct("open", { kind: u32, file: u32, position: u32, flags: u32, users: u32 });
const opens = global("opens", array(Open, COUNT));
const descriptors = global("descriptors", array(u32, COUNT));

/** (fd): what is open there, or -EBADF. */
export const open_at = fn("open_at", (fd) => {
  if_(fd.ge(COUNT), () => ret(-EBADF));
  if_(descriptors.at(fd).eq(0), () => ret(-EBADF));
  ret(descriptors.at(fd));
});

/** (open, least): the lowest free descriptor that is not below `least`, or -EMFILE. */
export const give_descriptor = fn("give_descriptor", (open, least) => {
  for_(least, COUNT, (fd) => {
    if_(descriptors.at(fd).eq(0), () => {
      descriptors.at(fd).set(open);
      Open.at(open).users.inc();
      ret(fd);
    });
  });
  ret(-EMFILE);
});

/** (kind, file, flags): opens something; a descriptor for it, or -EMFILE. */
export const open_new = fn("open_new", (kind, file, flags) => {
  for_(0, COUNT, (i) => {
    const at = local(opens.at(i).address);
    const open = Open.at(at);
    if_(open.users.eq(0), () => {
      open.kind.set(kind);
      open.file.set(file);
      open.flags.set(flags);
      open.position.set(0);
      ret(give_descriptor(at, 0));
    });
  });
  ret(-EMFILE);
});

/** (fd): closes it; 0 or -EBADF. */
export const close = fn("close", (fd) => {
  const at = local(open_at(fd));
  if_(isError(at), () => ret(at));
  descriptors.at(fd).set(0);
  Open.at(at).users.dec();
  ret(0);
});

/** (fd, to): makes `to` another name of what is open at `fd`; `to` or -EBADF. */
export const duplicate = fn("duplicate", (fd, to) => {
  const at = local(open_at(fd));
  if_(isError(at), () => ret(at));
  if_(to.ge(COUNT), () => ret(-EBADF));
  if_(fd.eq(to), () => ret(to));
  close(to);
  descriptors.at(to).set(at);
  Open.at(at).users.inc();
  ret(to);
});

/** Closes everything, then opens nothing as standard input and the console as the other two. */
export const descriptors_init = fn("descriptors_init", () => {
  for_(0, COUNT, (fd) => void close(fd));
  open_new(KIND.nothing, 0, 0);
  const console = local(open_new(KIND.console, 0, 1));
  duplicate(console, 2);
});

/** (fd): the file that is open there, or 0. */
export const file_at = fn("file_at", (fd) => {
  const at = local(open_at(fd));
  if_(isError(at).either(() => Open.at(at).kind.ne(KIND.file)), () => ret(0));
  ret(Open.at(at).file);
});
