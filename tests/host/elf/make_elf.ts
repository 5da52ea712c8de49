/** Assembles small ELF images, right ones and wrong ones, for the tests of the loader. */
export interface Note {
  type: number;
  /** Words, or a string that gets its NUL. */
  value: number | bigint | string | Uint8Array;
  owner?: string;
}

export interface Segment {
  type?: number;
  paddr?: number;
  data?: Uint8Array;
  memsz?: number;
  flags?: number;
  /** Instead of the true ones. */
  offset?: number;
  filesz?: number;
}

export interface Section {
  name: string;
  type: number;
  data: Uint8Array;
  link?: number;
}

export interface ElfSpec {
  entry?: number;
  segments?: Segment[];
  /** In a PT_NOTE segment. */
  notes?: Note[];
  sections?: Section[];
  /** Bytes set after all is assembled, by offset. */
  patch?: Record<number, number[]>;
}

const text = new TextEncoder();
export const ascii = (s: string) => text.encode(s);

/** Notes of a guest that boots: VIRT_BASE 0xC0000000, PAE, generic loader. */
export const GOOD_NOTES: Note[] = [
  { type: 1, value: 0xc0000000 },
  { type: 2, value: 0xc0001000 },
  { type: 3, value: 0xc0000000 },
  { type: 4, value: 0 },
  { type: 5, value: "xen-3.0" },
  { type: 6, value: "test" },
  { type: 8, value: "generic" },
  { type: 9, value: "yes" },
];

/** GOOD_NOTES with some replaced or added, or left out (undefined). */
export function notesWith(changes: Record<number, Note["value"] | undefined>): Note[] {
  const kept = GOOD_NOTES.filter((n) => !(n.type in changes));
  const added = Object.entries(changes).flatMap(([type, value]) =>
    value === undefined ? [] : [{ type: Number(type), value }]
  );
  return [...kept, ...added];
}

export function noteBytes(notes: Note[]): Uint8Array {
  return join(notes.map((n) => {
    const owner = ascii((n.owner ?? "Xen") + "\0");
    const value = valueBytes(n.value);
    const head = new Uint8Array(12);
    const view = new DataView(head.buffer);
    view.setUint32(0, owner.length, true);
    view.setUint32(4, value.length, true);
    view.setUint32(8, n.type, true);
    return join([head, pad4(owner), pad4(value)]);
  }));
}

function valueBytes(value: Note["value"]): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return ascii(value + "\0");
  const bytes = new Uint8Array(typeof value === "bigint" ? 8 : 4);
  const view = new DataView(bytes.buffer);
  if (typeof value === "bigint") view.setBigUint64(0, value, true);
  else view.setUint32(0, value, true);
  return bytes;
}

function pad4(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array((bytes.length + 3) & ~3);
  out.set(bytes);
  return out;
}

export function join(parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** A page of code: HLT all over. */
export const CODE = new Uint8Array(4096).fill(0xf4);

/**
 * Assembles an image: header, program headers, the segments' data, notes, sections, section headers.
 */
export function makeElf(spec: ElfSpec = {}): Uint8Array {
  const loads = spec.segments ?? [{ paddr: 0, data: CODE, memsz: 0x4000 }];
  const notes = spec.notes ?? GOOD_NOTES;
  const segments: Segment[] = [...loads];
  if (notes.length > 0) segments.push({ type: 4, data: noteBytes(notes) });
  const sections = spec.sections ?? [];
  const names = join([ascii("\0"), ...sections.map((s) => ascii(s.name + "\0")), ascii(".s\0")]);
  const allSections = sections.length > 0
    ? [{ name: "", type: 0, data: new Uint8Array() }, ...sections, {
      name: ".s",
      type: 3,
      data: names,
    }]
    : [];

  let at = 52 + segments.length * 32;
  const place = (data: Uint8Array) => {
    const offset = at;
    at = (at + data.length + 3) & ~3;
    return offset;
  };
  const segmentAt = segments.map((s) => place(s.data ?? new Uint8Array()));
  const sectionAt = allSections.map((s) => place(s.data));
  const out = new Uint8Array(at + allSections.length * 40);
  const view = new DataView(out.buffer);
  out.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 3, true);
  view.setUint32(20, 1, true);
  view.setUint32(24, spec.entry ?? 0xc0000000, true);
  view.setUint32(28, 52, true);
  view.setUint32(32, allSections.length > 0 ? at : 0, true);
  view.setUint16(40, 52, true);
  view.setUint16(42, 32, true);
  view.setUint16(44, segments.length, true);
  view.setUint16(46, 40, true);
  view.setUint16(48, allSections.length, true);
  view.setUint16(50, Math.max(0, allSections.length - 1), true);
  segments.forEach((s, i) => {
    const data = s.data ?? new Uint8Array();
    const header = [
      s.type ?? 1,
      s.offset ?? segmentAt[i],
      0,
      s.paddr ?? 0,
      s.filesz ?? data.length,
      s.memsz ?? s.filesz ?? data.length,
      s.flags ?? 7,
      4,
    ];
    header.forEach((word, n) => view.setUint32(52 + i * 32 + n * 4, word, true));
    out.set(data, segmentAt[i]);
  });
  let name = 1;
  allSections.forEach((s, i) => {
    const header = [
      i === 0 ? 0 : name,
      s.type,
      0,
      0,
      sectionAt[i],
      s.data.length,
      s.link ?? 0,
      0,
      1,
      0,
    ];
    if (i > 0) name += s.name.length + 1;
    header.forEach((word, n) => view.setUint32(at + i * 40 + n * 4, word, true));
    out.set(s.data, sectionAt[i]);
  });
  for (const [offset, bytes] of Object.entries(spec.patch ?? {})) out.set(bytes, Number(offset));
  return out;
}

/** gzip'd bytes. */
export async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A bzImage of boot protocol 2.12 around a payload. */
export function makeBzImage(payload: Uint8Array, version = 0x20c): Uint8Array {
  const out = new Uint8Array(5 * 512 + 64 + payload.length);
  const view = new DataView(out.buffer);
  out[0x1f1] = 4;
  view.setUint32(0x202, 0x53726448, true);
  view.setUint16(0x206, version, true);
  view.setUint32(0x248, 64, true);
  view.setUint32(0x24c, payload.length, true);
  out.set(payload, 5 * 512 + 64);
  return out;
}
