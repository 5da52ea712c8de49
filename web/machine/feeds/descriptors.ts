/** A vCPU's descriptor tables, when they have changed. */
import { descriptorTables } from "../../../core/host/inspect.ts";
import { VECTORS } from "../../../core/host/trace/names.ts";
import { VcpuView } from "../../../core/host/vcpu_view.ts";
import type { DescriptorsData, DescriptorsOptions } from "../../feeds.ts";
import type { Feed, Subject } from "./feeds.ts";

const SEGMENTS = ["es", "cs", "ss", "ds", "fs", "gs"];

class DescriptorsFeed implements Feed {
  readonly interval = 500;
  #vcpu = 0;
  #last = "";

  constructor(private readonly subject: Subject) {}

  start(options: unknown): void {
    this.#vcpu = (options as DescriptorsOptions).vcpu;
    this.#last = "";
  }

  sample(): DescriptorsData | undefined {
    const data = this.#read();
    const text = JSON.stringify(data);
    if (!data || text === this.#last) return undefined;
    this.#last = text;
    return data;
  }

  #read(): DescriptorsData | null {
    const { machine: { core }, domain } = this.subject;
    const vcpu = Math.min(this.#vcpu, domain.vcpus - 1);
    const tables = descriptorTables(core, domain.id, vcpu);
    if (!tables) return null;
    const view = new VcpuView(core, domain.id, vcpu);
    return {
      vcpu,
      vcpus: domain.vcpus,
      segments: SEGMENTS.map((name, n) => ({ name, ...view.segment(n) })),
      gdt: tables.gdt,
      ldt: tables.ldt,
      traps: tables.traps.map((trap) => ({
        ...trap,
        name: VECTORS[trap.vector] ?? "",
        symbol: domain.symbols.describe(trap.eip) ?? "",
      })),
    };
  }
}

export const feed = (subject: Subject): Feed => new DescriptorsFeed(subject);
