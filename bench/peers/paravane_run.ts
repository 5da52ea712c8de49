/** Script: runs the kernels as a PV guest and prints the run. Arguments: a JitMode, command line. */
import type { JitMode } from "../../mod.ts";
import { guestMachine } from "../guest_machine.ts";
import { printRun } from "./script.ts";

/**
 * Milliseconds after which the translator counts as idle: its workers end after five seconds without work, and V8
 * takes some ten more to collect what they leave.
 */
const IDLE = 20_000;

const [jit, commandLine] = Deno.args;
const recorder = await guestMachine(jit as JitMode, commandLine);
// what the translator holds while it works is not what it keeps
await new Promise((done) => setTimeout(done, IDLE));
printRun("Paravane", recorder);
Deno.exit(0);
