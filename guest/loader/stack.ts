// The stack as a Linux process finds it (i386 ABI supplement, "Process Initialization"): from ESP
// upwards argc, the arguments' addresses and 0, the environment's and 0, the auxiliary vector, and
// above that the strings.

import { PTE } from "../abi/numbers.ts";
import { AT } from "../abi/linux.ts";
import { array, fn, for_, global, if_, local, ret, u32 } from "../asm/mod.ts";
import type { Given } from "../asm/mod.ts";
import { length_of } from "../kernel/strings.ts";
import { add_area } from "./areas.ts";
import { random_word } from "./calls/process.ts";
import { argumentCount, argumentText } from "./commands.ts";
import { program } from "./elf.ts";
import { cpu_features } from "./processor.ts";
import { STACK_LOW, STACK_TOP } from "./layout.ts";
import { to_user } from "./user_memory.ts";

const at = global("stack_at", u32);

/** (from, length): pushes bytes and gives their address; a failure shows when the program starts. */
const push_bytes = fn("push_bytes", (from, length) => {
  at.take(length);
  to_user(at, from, length);
  ret(at);
});
const push_text = fn("push_text", (text) => ret(push_bytes(text, length_of(text).plus(1))));
const push_word = fn("push_word", (word) => ret(push_bytes(word.address, 4)));

/** An entry of the auxiliary vector. */
function pushAux(type: number, value: Given): void {
  push_word(value);
  push_word(type);
}

const ENVIRONMENT = ["PATH=/bin", "TZ=UTC0"];
const MAX = 64;
const pointers = global("stack_pointers", array(u32, MAX));

/** Makes the stack's area and fills its top from the command's words; gives ESP, or 0. */
export const build_stack = fn("build_stack", () => {
  if_(add_area(STACK_LOW, STACK_TOP, PTE.userData, 0, 0).ne(0), () => ret(0));
  at.set(STACK_TOP);
  const name = local(push_text(argumentText(0)));
  const platform = local(push_text("i686"));
  for_(0, 4, () => void push_word(random_word()));
  const random = local(at);
  ENVIRONMENT.forEach((text, i) => pointers.at(i).set(push_text(text)));
  for_(0, argumentCount, (i) => {
    pointers.at(i.plus(ENVIRONMENT.length)).set(push_text(argumentText(i)));
  });

  // What follows up to argc is a whole number of words, and ESP has to be a multiple of 16.
  const words = local(argumentCount.plus(2 * 16 + ENVIRONMENT.length + 3));
  at.set(at.minus(words.shl(2)).and(-16).plus(words.shl(2)));
  pushAux(0, 0);
  pushAux(AT.execfn, name);
  pushAux(AT.random, random);
  pushAux(AT.platform, platform);
  pushAux(AT.hwcap, cpu_features());
  pushAux(AT.pagesz, 4096);
  pushAux(AT.clktck, 100);
  pushAux(AT.phdr, program.headers);
  pushAux(AT.phent, 32);
  pushAux(AT.phnum, program.count);
  pushAux(AT.entry, program.entry);
  for (const type of [AT.uid, AT.euid, AT.gid, AT.egid, AT.secure]) pushAux(type, 0);
  push_word(0);
  ENVIRONMENT.forEach((_, i) => push_word(pointers.at(ENVIRONMENT.length - 1 - i)));
  push_word(0);
  for_(0, argumentCount, (i) => {
    const from = local(argumentCount.minus(i).plus(ENVIRONMENT.length - 1));
    push_word(pointers.at(from));
  });
  ret(push_word(argumentCount));
});
