/**
 * Interpreter against translator over many small programs (programs.ts): two machines run the same guest in
 * slices of the same random lengths, one of them translating whatever it meets. After each slice registers
 * and FPU must be the same, at the end all the guest's memory. Between slices the event callback is made
 * due at random, so that guests are interrupted after any number of instructions.
 */
import { Buffer } from "node:buffer";
import binaryen from "binaryen";
import {
  C_EIP,
  C_FAULT,
  C_FLAG_RES,
  C_FX,
  C_INSN_EIP,
  CPU,
  MACHINE,
  PAGE_INFO,
  PAGE_INFO_SIZE,
} from "../../core/wasm/layout.ts";
import { DirectBuilder } from "../../jit/translator/direct.ts";
import { Translator, type TranslatorCore } from "../../jit/translator/mod.ts";
import { createMachine, type Domain, loadModule, type Machine } from "../../mod.ts";
import { randomNumbers } from "../guests/random_code.ts";
import { programsGuest } from "./programs.ts";

const MEMORY = 4;
/** Longest slice, and how many slices a program may take before the guest counts as stuck. */
const LONGEST = 700;
const SLICES = 400;
/** Slices between two looks of the translator, so that it meets more than one block at a time. */
const SELDOM = 2, VERY_SELDOM = 4;

/**
 * What is translated: the blocks where slices end (`ends`); the same with so little room that translations go
 * all the time (`evict`); all that is met (`all`); or where slices end, and optimised at once (`optimise`).
 */
export type Eagerness = "ends" | "evict" | "all" | "optimise";
const DOM_SHUTDOWN = 2;

/** A machine whose guests only run when told to. */
class Side {
  domain: Domain | null = null;
  #time = 0n;
  #info = 0;

  constructor(readonly machine: Machine, readonly translator: Translator | null) {}

  async load(image: Uint8Array): Promise<void> {
    const { exports } = this.machine.core;
    this.domain = await this.machine.addDomain(image, { memory: MEMORY, paused: true });
    exports.domain_unpause(this.domain.id);
    this.#info = MACHINE + exports.domain_shared_info(this.domain.id) * 4096;
  }

  unload(): void {
    this.machine.destroyDomain(this.domain!);
  }

  /** Runs a slice, at its beginning with the event callback due or not. */
  run(instructions: number, interrupted: boolean): void {
    const bytes = this.machine.core.bytes();
    // evtchn_upcall_pending and evtchn_upcall_mask of vCPU 0
    bytes[this.#info] = interrupted ? 1 : 0;
    bytes[this.#info + 1] = 0;
    this.machine.core.exports.machine_run(this.#time, instructions);
    this.#time += BigInt(instructions);
  }

  get ended(): boolean {
    return this.machine.core.exports.domain_state(this.domain!.id) === DOM_SHUTDOWN;
  }

  get eip(): number {
    return this.machine.core.view().getUint32(CPU + C_EIP, true);
  }

  /** A sum over what a guest can see of the processor. */
  state(): number {
    const words = new Uint32Array(this.machine.core.exports.memory.buffer);
    let sum = 0;
    const add = (from: number, to: number) => {
      for (let at = CPU + from >>> 2; at < CPU + to >>> 2; at++) {
        sum = Math.imul(sum ^ words[at], 0x01000193) + (sum >>> 15) | 0;
      }
    };
    // between them lie the address that slow helpers work at, the TLB tag, the mode's cache, and scratch bytes
    add(0, C_INSN_EIP);
    add(C_FLAG_RES, 0x168);
    add(C_FAULT, C_FAULT + 4);
    add(C_FX, C_FX + 416);
    return sum;
  }

  /** The frames that the guest owns, by number. */
  frames(): Map<number, Uint8Array> {
    const view = this.machine.core.view();
    const frames = new Map<number, Uint8Array>();
    const all = this.machine.core.bytes();
    for (let mfn = 1; mfn < (this.machine.core.exports.machine_size() as number); mfn++) {
      const info = PAGE_INFO + mfn * PAGE_INFO_SIZE;
      if (!view.getUint32(info, true) || view.getUint32(info + 12, true) !== this.domain!.id) {
        continue;
      }
      frames.set(mfn, all.subarray(MACHINE + mfn * 4096, MACHINE + (mfn + 1) * 4096));
    }
    return frames;
  }
}

export interface Compared {
  /** The seed's guest ran all its programs in both tiers alike. "" or what was wrong. */
  difference: string;
  /** Regions put in place by the first tier and by the second, and slices run. */
  regions: number;
  optimised: number;
  slices: number;
}

export class ProgramsLockstep {
  #regions = 0;
  #optimised = 0;

  private constructor(
    private readonly plain: Side,
    private readonly translated: Side,
    private readonly seldom: number,
  ) {}

  static async create(eagerness: Eagerness): Promise<ProgramsLockstep> {
    const module = new WebAssembly.Module(await loadModule());
    const machine = async () => {
      const made = await createMachine({ module, time: "virtual", jit: "off" });
      made.stop(); // its own loop would run the guests
      return made;
    };
    const other = await machine();
    const translator = new Translator(other.core.exports as unknown as TranslatorCore, {
      hot: 1,
      everything: eagerness === "all",
      exits: 20,
      alike: 8,
      builder: new DirectBuilder(),
      memory: eagerness === "evict" ? 60_000 : undefined,
      second: eagerness === "optimise"
        ? { builder: new DirectBuilder(false, binaryen), many: 0 }
        : undefined,
      tell: (line) => {
        lockstep.#regions += Number(line.startsWith("region"));
        lockstep.#optimised += Number(line.startsWith("optimised"));
      },
    });
    const lockstep = new ProgramsLockstep(
      new Side(await machine(), null),
      new Side(other, translator),
      eagerness === "all" ? VERY_SELDOM : SELDOM,
    );
    return lockstep;
  }

  stop(): void {
    for (const side of [this.plain, this.translated]) {
      side.translator?.stop();
    }
  }

  /** Runs the guest that a seed names both ways. */
  async compare(seed: number, programs: number): Promise<Compared> {
    const { image, starts } = programsGuest(seed, programs);
    const sides = [this.plain, this.translated];
    const [regions, optimised] = [this.#regions, this.#optimised];
    for (const side of sides) await side.load(image);
    const random = randomNumbers(seed ^ 0x5bd1e995);
    const end = starts[starts.length - 1];
    const told = (slices: number, difference: string): Compared => {
      for (const side of sides) side.unload();
      return {
        difference,
        regions: this.#regions - regions,
        optimised: this.#optimised - optimised,
        slices,
      };
    };
    let failure = "";
    for (let n = 0; n < programs * SLICES; n++) {
      const instructions = 1 + random(LONGEST);
      const before = this.plain.eip;
      // not before it has said where to
      const interrupted = random(4) === 0 && n > 0 && before >= starts[0];
      for (const side of sides) side.run(instructions, interrupted);
      if (random(this.seldom) === 0) this.translated.translator!.sample();
      if (this.translated.translator!.failure) return told(n, this.translated.translator!.failure);
      if (this.plain.state() !== this.translated.state()) {
        const program = starts.findLastIndex((start) => start <= before);
        return told(n, `slice ${n} of ${instructions} instructions, program ${program} differs`);
      }
      if (this.plain.ended || this.translated.ended) return told(n, "the guest ended");
      if (this.plain.eip !== end) continue;
      failure = this.#differentMemory();
      return told(n, failure);
    }
    return told(programs * SLICES, "the guest did not come to its end");
  }

  #differentMemory(): string {
    const [ours, theirs] = [this.plain.frames(), this.translated.frames()];
    if (ours.size !== theirs.size || ours.size < 256) {
      return `${ours.size} and ${theirs.size} frames`;
    }
    for (const [mfn, bytes] of ours) {
      const other = theirs.get(mfn);
      if (!other) return `frame ${mfn} is the guest's in one machine only`;
      if (Buffer.compare(bytes, other)) return `memory differs in frame ${mfn}`;
    }
    return "";
  }
}
