/** `deno bench`: traps, events and emulated instructions, from guest code. */
import { operation } from "./operations/live.ts";

const traps = { group: "traps and events", unit: "ns" } as const;
operation("empty", "call of an empty function, the loop's own cost", { ...traps, baseline: true });
operation("int80min", "int 0x80, ring 3 to 1 and back", traps);
operation("int80", "the same, all registers saved, C handler", traps);
operation("pgfault", "#PF, handler maps the page, back", traps);
operation("evself", "event to itself: send, upcall, return", traps);

const emulated = { group: "emulated instructions", unit: "ns" } as const;
operation("clts", "CLTS", { ...emulated, baseline: true });
operation("priv", "MOV from CR0", emulated);
operation("cpuid_fe", "CPUID by the forced-emulation prefix", emulated);
