// Programs that a fault ends.

import {
  addressOf,
  array,
  asm,
  ax,
  code,
  eax,
  fn,
  gs,
  localOf,
  raw,
  u32,
} from "../../../guest/asm/mod.ts";
import type { Callable, Given } from "../../../guest/asm/mod.ts";
import { memory } from "./memory.ts";

const ending = (name: string, body: () => void): Callable => code(name, body);
const poke = (name: string, address: Given) => fn(name, () => u32.at(address).set(1));

/** Programs that a fault ends. */
export const endings: Record<string, Callable> = {
  "ud2": ending("ud2", () => asm.ud2()),
  "divide": ending("divide", () => {
    asm.xor(eax, eax);
    asm.div(eax);
  }),
  "breakpoint": ending("breakpoint", () => asm.int3()),
  "null": poke("null", 0),
  "kernel": poke("kernel", 0xc0001000),
  "hypervisor": poke("hypervisor", 0xf5800000),
  "text": poke("text", addressOf(memory)),
  "privileged": ending("privileged", () => asm.hlt()),
  "port": ending("port", () => raw(0xe6, 0x80)),
  "hypercall": ending("hypercall", () => asm.int(0x82)),
  "selector": ending("selector", () => {
    asm.mov(eax, 0x0b);
    asm.mov(gs, ax);
  }),
  "deep": fn("deep", () => void deeper(0)),
  "nowhere": ending("nowhere", () => asm.jmp(eax)),
};
const deeper = fn("deeper", (n) => {
  localOf(array(u32, 5000)).at(0).set(n);
  deeper(n.plus(1));
});
