/** Registers and the next instructions of the vCPU that ran last: what a paused guest's card shows. */
import { currentVcpu, VcpuView } from "../../../core/host/vcpu_view.ts";
import type { ProcessorData } from "../../feeds.ts";
import type { Feed, Subject } from "./feeds.ts";

const REGISTERS = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];
/** As people read them. */
const ORDER = [0, 3, 1, 2, 6, 7, 5, 4];
const SEGMENTS = ["es", "cs", "ss", "ds", "fs", "gs"];
const CS = 1;
/** A descriptor's D bit, where Segment.attributes has it. */
const BIG = 0x400000;
/** As long as a few of the longest instructions. */
const CODE = 90;

class ProcessorFeed implements Feed {
  readonly interval = 250;
  #vcpu = 0;
  #last = "";

  constructor(private readonly subject: Subject) {}

  start(): void {
    this.#last = "";
  }

  sample(): ProcessorData | undefined {
    const data = this.#read();
    const text = JSON.stringify(data);
    if (text === this.#last) return undefined;
    this.#last = text;
    return data;
  }

  #read(): ProcessorData {
    const { machine: { core }, domain } = this.subject;
    const current = currentVcpu(core);
    if (current?.domid === domain.id) this.#vcpu = current.vcpu;
    const view = new VcpuView(core, domain.id, this.#vcpu);
    const code = view.segment(CS);
    return {
      vcpu: this.#vcpu,
      vcpus: domain.vcpus,
      eip: view.eip,
      symbol: domain.symbols.describe(view.eip) ?? "",
      ring: view.cpl,
      bits: code.attributes & BIG ? 32 : 16,
      code: view.read((code.base + view.eip) >>> 0, CODE),
      registers: [
        ...ORDER.map((n) => ({ name: REGISTERS[n], value: view.gpr(n) })),
        { name: "eip", value: view.eip },
        { name: "efl", value: view.eflags },
        { name: "cr2", value: view.cr2 },
        { name: "cr3", value: view.cr3 },
      ],
      selectors: SEGMENTS.map((name, n) => ({ name, value: view.segment(n).selector })),
      eflags: view.eflags,
    };
  }
}

export const feed = (subject: Subject): Feed => new ProcessorFeed(subject);
