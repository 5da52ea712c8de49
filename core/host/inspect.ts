/**
 * A domain's event channels, upcall state and descriptor tables, to be looked at: nothing is changed, and
 * nothing that a guest wrote is believed. The core's side is core/wasm/inspect_tables.ts.
 */
import type { Core } from "./core.ts";
import { VcpuView } from "./vcpu_view.ts";

interface Doors {
  inspect_port(domid: number, port: number, out: number): number;
  inspect_upcall(domid: number, vcpu: number, out: number): number;
  inspect_descriptors(domid: number, vcpu: number, out: number): number;
}

const PORT_KINDS = ["free", "reserved", "unbound", "interdomain", "", "VIRQ", "IPI"] as const;
export type PortKind = Exclude<typeof PORT_KINDS[number], "">;

/** An event channel. */
export interface EventPort {
  port: number;
  kind: PortKind;
  /** The vCPU that it notifies. */
  vcpu: number;
  /** The domain at the other end, or the one that may bind it; 0 is the host. */
  remote: number;
  remotePort: number;
  /** Which virtual interrupt it is, where it is one. */
  virq: number;
  pending: boolean;
  masked: boolean;
  /** Of the FIFO ABI: 0 is the most urgent. */
  priority: number;
}

/** A far pointer into the guest's kernel. */
export interface Entry {
  cs: number;
  eip: number;
}

/** How a vCPU is told of events. */
export interface Upcall {
  pending: boolean;
  masked: boolean;
  /** Words of the pending bitmap that are worth looking at, a bit each. */
  selector: number;
  event: Entry;
  failsafe: Entry;
  fifo: boolean;
}

/** A descriptor in use. */
export interface Descriptor {
  index: number;
  low: number;
  high: number;
}

/** A handler of the trap table. */
export interface TrapHandler extends Entry {
  vector: number;
  /** The privilege that INT n needs: 0 to 3. */
  dpl: number;
  /** Events are masked when it is entered. */
  masksEvents: boolean;
}

/** A vCPU's descriptor tables. */
export interface DescriptorTables {
  /** Entries that the guest's GDT has; those that are not null. Frames by number. */
  gdt: { entries: number; frames: number[]; descriptors: Descriptor[] };
  /** Null where there is none; descriptors on pages that are not mapped are left out. */
  ldt: { base: number; entries: number; descriptors: Descriptor[] } | null;
  /** Vectors that have a handler. */
  traps: TrapHandler[];
}

const PAGE_ENTRIES = 512;
const GDT_FRAMES = 14;
const TRAP_TABLE = 68;
const MASKS_EVENTS = 4;

function doors(core: Core): Doors {
  return core.exports as unknown as Doors;
}

/** Event channels that are bound, or wait to be. Empty for a domain that is gone. */
export function eventPorts(core: Core, domid: number): EventPort[] {
  const ports: EventPort[] = [];
  const { mailbox } = core;
  for (let port = 0; doors(core).inspect_port(domid, port, mailbox) === 0; port++) {
    const view = core.view();
    const word = (n: number) => view.getUint32(mailbox + n * 4, true);
    const kind = PORT_KINDS[word(0)];
    if (!kind || kind === "free" || kind === "reserved") continue;
    ports.push({
      port,
      kind,
      vcpu: word(1),
      remote: word(2),
      remotePort: word(3),
      virq: word(4),
      pending: word(6) !== 0,
      masked: word(7) !== 0,
      priority: word(8),
    });
  }
  return ports;
}

/** A vCPU's upcall state; null where there is no such vCPU. */
export function upcallState(core: Core, domid: number, vcpu: number): Upcall | null {
  const { mailbox } = core;
  if (doors(core).inspect_upcall(domid, vcpu, mailbox) !== 0) return null;
  const view = core.view();
  const word = (n: number) => view.getUint32(mailbox + n * 4, true);
  return {
    pending: word(0) !== 0,
    masked: word(1) !== 0,
    selector: word(2),
    event: { cs: word(3), eip: word(4) },
    failsafe: { cs: word(5), eip: word(6) },
    fifo: word(7) !== 0,
  };
}

/** A vCPU's descriptor tables; null where there is no such vCPU. */
export function descriptorTables(core: Core, domid: number, vcpu: number): DescriptorTables | null {
  const { mailbox } = core;
  if (doors(core).inspect_descriptors(domid, vcpu, mailbox) !== 0) return null;
  const view = core.view();
  const word = (n: number) => view.getUint32(mailbox + n * 4, true);
  const entries = word(0);
  const frames = Array.from({ length: GDT_FRAMES }, (_, n) => word(1 + n));
  const gdt = frames.flatMap((mfn, n) =>
    mfn === 0
      ? []
      : descriptors(core.frame(mfn), n * PAGE_ENTRIES).filter(({ index }) => index < entries)
  );
  const [base, size] = [word(15), word(16)];
  return {
    gdt: { entries, frames: frames.filter((mfn) => mfn !== 0), descriptors: gdt },
    ldt: size === 0
      ? null
      : { base, entries: size, descriptors: ldt(core, domid, vcpu, base, size) },
    traps: traps(view, mailbox + TRAP_TABLE),
  };
}

function ldt(core: Core, domid: number, vcpu: number, base: number, size: number): Descriptor[] {
  const view = new VcpuView(core, domid, vcpu);
  const found: Descriptor[] = [];
  for (let first = 0; first < size; first += PAGE_ENTRIES) {
    const page = view.read((base + first * 8) >>> 0, Math.min(PAGE_ENTRIES, size - first) * 8);
    found.push(...descriptors(page, first));
  }
  return found;
}

/** The entries of a page that are not null. */
function descriptors(page: Uint8Array, first: number): Descriptor[] {
  const view = new DataView(page.buffer, page.byteOffset, page.length);
  const found: Descriptor[] = [];
  for (let at = 0; at + 8 <= page.length; at += 8) {
    const [low, high] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    if (low !== 0 || high !== 0) found.push({ index: first + at / 8, low, high });
  }
  return found;
}

function traps(view: DataView, table: number): TrapHandler[] {
  const handlers: TrapHandler[] = [];
  for (let vector = 0; vector < 256; vector++) {
    const at = table + vector * 8;
    const cs = view.getUint16(at + 4, true);
    if ((cs & 0xfffc) === 0) continue;
    const flags = view.getUint8(at + 6);
    const masksEvents = (flags & MASKS_EVENTS) !== 0;
    handlers.push({ vector, cs, eip: view.getUint32(at, true), dpl: flags & 3, masksEvents });
  }
  return handlers;
}
