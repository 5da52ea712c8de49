// One program from its start to its end.

import { ENOENT, ENOEXEC, isError } from "../abi/linux.ts";
import { fn, if_, local, ret } from "../asm/mod.ts";
import { events_on } from "../kernel/events.ts";
import { enter_user } from "../kernel/user.ts";
import { remove_range } from "./areas.ts";
import { runningFile } from "./calls/files.ts";
import { tls_init } from "./calls/process.ts";
import { argumentText, outputPath } from "./commands.ts";
import { close, descriptors_init, duplicate, KIND, open_new } from "./descriptors.ts";
import { load_program, program } from "./elf.ts";
import { create_file, find_file, resize_file, sweep_files } from "./files.ts";
import { USER_END, USER_LOW } from "./layout.ts";
import { fpu_init } from "./processor.ts";
import { build_stack } from "./stack.ts";

/** Sends standard output to the file that the command names; 0 or a negative errno. */
const redirect_output = fn("redirect_output", () => {
  const file = local(find_file(outputPath));
  if_(file.eq(0), () => file.set(create_file(outputPath)));
  if_(file.eq(0).either(() => file.eq(runningFile)), () => ret(-ENOENT));
  const bad = local(resize_file(file, 0));
  if_(bad.ne(0), () => ret(bad));
  const fd = local(open_new(KIND.file, file, 1));
  if_(isError(fd), () => ret(fd));
  duplicate(fd, 1);
  ret(close(fd));
});

/** Runs the command that was taken last; its exit status, or a negative errno if it cannot start. */
export const run_command = fn("run_command", () => {
  const file = local(find_file(argumentText(0)));
  if_(file.eq(0), () => ret(-ENOENT));
  runningFile.set(file);
  descriptors_init();
  if_(outputPath.ne(0), () => {
    const bad = local(redirect_output());
    if_(bad.ne(0), () => ret(bad));
  });
  const status = local(load_program(file));
  if_(status.eq(0), () => {
    const stack = local(build_stack());
    if_(stack.eq(0), () => ret(-ENOEXEC));
    tls_init();
    fpu_init();
    status.set(enter_user(program.entry, stack));
    events_on();
  });
  remove_range(USER_LOW, USER_END);
  descriptors_init();
  runningFile.set(0);
  sweep_files();
  ret(status);
});
