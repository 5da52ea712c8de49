import { ret } from "../../asm/mod.ts";
import { program } from "./lib.ts";
export const bench = program("bench", "", () => ret(0));
