/** A vCPU's page tables: the entries of those tables that the panel has open. */
import type { Core } from "../../../core/host/core.ts";
import { SHUTDOWN } from "../../../core/host/shutdown.ts";
import { crashVcpu, VcpuView } from "../../../core/host/vcpu_view.ts";
import type { EntryRow, MemoryData, MemoryOptions } from "../../feeds.ts";
import type { Feed, Subject } from "./feeds.ts";
import { entryAt, entryFrame, frameInfo } from "./frame_info.ts";

const MAX_ROWS = 1500;

const PRESENT = 1n;
const LARGE = 0x80n;
const NO_EXECUTE = 1n << 63n;
const FLAGS: [bit: bigint, name: string][] = [
  [2n, "W"],
  [4n, "U"],
  [8n, "PWT"],
  [0x10n, "PCD"],
  [0x20n, "A"],
  [0x40n, "D"],
  [0x100n, "G"],
];

/** Entries of a table, and bits of an address below an entry's share, by level. */
const ENTRIES = [0, 512, 512, 4];
const SHIFT = [0, 12, 21, 30];

class MemoryFeed implements Feed {
  readonly interval = 500;
  #options: MemoryOptions = { vcpu: 0, open: [], address: null };
  #last = "";

  constructor(private readonly subject: Subject) {}

  start(options: unknown): void {
    this.#options = options as MemoryOptions;
    this.#last = "";
  }

  /** The tables as they are, if they have changed. */
  sample(): MemoryData | undefined {
    const data = this.#read();
    const text = JSON.stringify(data);
    if (text === this.#last) return undefined;
    this.#last = text;
    return data;
  }

  #read(): MemoryData {
    const { machine: { core }, domain } = this.subject;
    const vcpu = Math.min(this.#options.vcpu, domain.vcpus - 1);
    const view = new VcpuView(core, domain.id, vcpu);
    const registers = { cr2: view.cr2, eip: view.eip, esp: view.gpr(4) };
    const crash = this.#options.address === null ? this.#crash(vcpu, view) : "";
    const address = crash
      ? { CR2: registers.cr2, ESP: registers.esp, EIP: registers.eip }[crash]
      : this.#options.address;
    const root = view.cr3;
    const walk = new Walk(core, root, new Set(this.#options.open), address);
    return {
      vcpu,
      vcpus: domain.vcpus,
      root: root === 0 ? null : frameInfo(core, root, root),
      rows: walk.rows,
      cut: walk.rows.length === MAX_ROWS,
      address,
      crash,
      mapped: walk.mapped,
      registers,
    };
  }

  /**
   * What a crash on this vCPU is about: the stack, where the hypervisor could not put a frame on it; else
   * the address of the last page fault, if there was one; else the instruction. A guest that reported its
   * crash itself has handled most faults: of these only one where nothing is mapped can have been the reason.
   */
  #crash(vcpu: number, view: VcpuView): MemoryData["crash"] {
    const { machine: { core }, domain } = this.subject;
    if (core.exports.domain_shutdown_code(domain.id) !== SHUTDOWN.CRASH) return "";
    if (vcpu !== crashVcpu(core, domain.id)) return "";
    const reason = core.string(core.exports.domain_crash_reason(domain.id));
    if (/stack/.test(reason)) return "ESP";
    const handled = reason === "" && view.read(view.cr2, 1).length > 0;
    return view.cr2 !== 0 && !handled ? "CR2" : "EIP";
  }
}

class Walk {
  readonly rows: EntryRow[] = [];
  /** The address that is asked for is mapped. */
  mapped = false;

  constructor(
    private readonly core: Core,
    private readonly root: number,
    private readonly open: Set<string>,
    private readonly address: number | null,
  ) {
    if (root !== 0) this.#table(3, root, "", 0, address !== null);
  }

  /** @param marked the address asked for lies in this table's share */
  #table(level: number, mfn: number, prefix: string, base: number, marked: boolean): void {
    const wanted = marked ? (this.address! >>> SHIFT[level]) & (ENTRIES[level] - 1) : -1;
    for (let index = 0; index < ENTRIES[level]; index++) {
      const value = entryAt(this.core, mfn, index);
      const present = (value & PRESENT) !== 0n;
      if (!present && index !== wanted) continue;
      if (this.rows.length === MAX_ROWS) return;
      const path = prefix + index;
      const address = (base + index * 2 ** SHIFT[level]) >>> 0;
      const table = present && level > 1 && !(level === 2 && value & LARGE);
      const here = index === wanted;
      const open = table && (this.open.has(path) || here);
      this.rows.push({
        path,
        level,
        address,
        value: value.toString(16).padStart(16, "0"),
        flags: present ? flagNames(value, level) : value === 0n ? "empty" : "not present",
        table,
        open,
        frame: present ? frameInfo(this.core, this.root, entryFrame(value)) : null,
        marked: here,
      });
      if (open) this.#table(level - 1, entryFrame(value), `${path}.`, address, here);
      else if (here && present) this.mapped = true;
    }
  }
}

function flagNames(value: bigint, level: number): string {
  const names = FLAGS.filter(([bit]) => value & bit).map(([, name]) => name);
  if (level === 2 && value & LARGE) names.unshift("2M");
  if (value & NO_EXECUTE) names.push("NX");
  return names.join(" ");
}

export const feed = (subject: Subject): Feed => new MemoryFeed(subject);
