// Small Linux programs that ask for what the loader guest provides, and for what it must refuse. They
// run on Linux, too: what they print there is what the loader has to make of them.

import type { Callable } from "../../../guest/asm/mod.ts";
import { endings } from "./endings.ts";
import { files, status } from "./files.ts";
import { heap, memory } from "./memory.ts";
import { beginning, rewrite, threads, tidy, untidy } from "./processor.ts";

export { GLUTTON } from "./memory.ts";

/** Every program by name. */
export const PROGRAMS: Record<string, Callable> = {
  memory,
  heap,
  files,
  status,
  threads,
  rewrite,
  untidy,
  tidy,
  beginning,
  ...endings,
};
