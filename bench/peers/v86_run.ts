/** Script: runs the kernels on v86's bare machine and prints the run. Argument: command line. */
import { createRequire } from "node:module";
import { V86 } from "v86";
import { Recorder } from "../recorder.ts";
import { guestPath } from "./engine.ts";
import { printRun } from "./script.ts";

const [commandLine] = Deno.args;
const recorder = new Recorder();
let line = "";

const emulator = new V86({
  wasm_path: createRequire(import.meta.url).resolve("v86/build/v86.wasm"),
  multiboot: { buffer: (await Deno.readFile(guestPath("kernel.elf"))).buffer },
  cmdline: commandLine,
  memory_size: 128 << 20,
  vga_memory_size: 2 << 20,
  autostart: true,
  disable_keyboard: true,
  disable_mouse: true,
  disable_speaker: true,
});

emulator.add_listener("serial0-output-byte", (byte: number) => {
  if (byte !== 10) {
    line += String.fromCharCode(byte);
    return;
  }
  recorder.line(performance.now(), line);
  line = "";
  if (!recorder.done && !recorder.panic) return;
  printRun("v86", recorder);
  Deno.exit(0);
});
