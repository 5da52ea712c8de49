/**
 * ELF notes of the owner "Xen". Where they are looked for and what each means: pv-abi §1.1 and §1.2;
 * Xen: include/public/elfnote.h and common/libelf/libelf-dominfo.c.
 */
import { parseFeatures } from "./features.ts";
import { type ElfHeader, PT_NOTE, SHT_NOTE } from "./header.ts";
import { ImageError } from "./image_error.ts";
import { emptyParameters, type GuestParameters } from "./parameters.ts";
import type { Reader } from "./reader.ts";

/** Notes of any owner that are walked before the image counts as broken. */
const MAX_NOTES = 65536;
const NOTE_HEADER = 12;
/** "Xen" and its NUL, as a little-endian word. */
const OWNER_XEN = 0x006e6558;

/** Numbers of the notes that mean something here (XEN_ELFNOTE_*); any other is passed over. */
const NOTE = {
  Entry: 1,
  HypercallPage: 2,
  VirtBase: 3,
  PaddrOffset: 4,
  XenVersion: 5,
  GuestOs: 6,
  GuestVersion: 7,
  Loader: 8,
  PaeMode: 9,
  Features: 10,
  BsdSymtab: 11,
  InitP2m: 15,
  ModStartPfn: 16,
  SupportedFeatures: 17,
} as const;

/**
 * Reads the notes of all PT_NOTE segments, or, if they hold not one of Xen's, of all SHT_NOTE
 * sections.
 *
 * @returns undefined when neither holds one
 * @throws ImageError for notes that cannot be read, or require what is unknown
 */
export function readNotes(file: Reader, header: ElfHeader): GuestParameters | undefined {
  const walk = new NoteWalk(file);
  for (const [index, p] of header.programs.entries()) {
    // Old binutils left the offset of a note segment at zero.
    if (p.type !== PT_NOTE || p.offset === 0) continue;
    walk.area(p.offset, p.filesz, `note segment ${index}`);
  }
  if (walk.found > 0) return walk.parameters;
  for (const s of header.sections.slice(1)) {
    if (s.type === SHT_NOTE) walk.area(s.offset, s.size, `note section ${s.index}`);
  }
  return walk.found > 0 ? walk.parameters : undefined;
}

class NoteWalk {
  readonly parameters = emptyParameters("notes");
  found = 0;
  #walked = 0;

  constructor(readonly file: Reader) {}

  /**
   * A note is taken when it begins inside the area. Its last bytes may lie behind: GRUB's image has
   * a note whose declared length passes the end of the file, while its string ends before it.
   */
  area(offset: number, length: number, where: string): void {
    for (let at = offset; at < offset + length;) {
      if (++this.#walked > MAX_NOTES) {
        throw new ImageError("note", `${where}: more than ${MAX_NOTES} notes`);
      }
      const what = `${where}: the note`;
      this.file.need(at, NOTE_HEADER, what);
      const nameSize = this.file.u32(at, what);
      const size = this.file.u32(at + 4, what);
      const type = this.file.u32(at + 8, what);
      const name = at + NOTE_HEADER;
      const value = name + round4(nameSize);
      if (this.file.has(name, 4) && this.file.u32(name, what) === OWNER_XEN) {
        this.found++;
        readNote(this.file, type, value, size, this.parameters);
      }
      at = value + round4(size);
    }
  }
}

function round4(size: number): number {
  return Math.ceil(size / 4) * 4;
}

function readNote(file: Reader, type: number, at: number, size: number, p: GuestParameters): void {
  const text = () => file.string(at, `the string of Xen note ${type}`);
  const number = () => numeric(file, at, size, `the number of Xen note ${type}`);
  switch (type) {
    case NOTE.Entry:
      p.entry = number();
      break;
    case NOTE.HypercallPage:
      p.hypercallPage = number();
      break;
    case NOTE.VirtBase:
      p.virtBase = number();
      break;
    case NOTE.PaddrOffset:
      p.paddrOffset = number();
      break;
    case NOTE.XenVersion:
      p.xenVersion = text();
      break;
    case NOTE.GuestOs:
      p.guestOs = text();
      break;
    case NOTE.GuestVersion:
      p.guestVersion = text();
      break;
    case NOTE.Loader:
      p.loader = text();
      break;
    case NOTE.PaeMode: {
      const mode = text();
      if (mode === "yes") p.pae = "extended";
      if (mode.includes("bimodal")) p.pae = "bimodal";
      break;
    }
    case NOTE.Features:
      parseFeatures(text(), p);
      break;
    case NOTE.BsdSymtab:
      if (text() === "yes") p.bsdSymtab = true;
      break;
    case NOTE.InitP2m:
      p.initP2m = number();
      break;
    case NOTE.ModStartPfn:
      p.modStartPfn = number() !== 0n;
      break;
    case NOTE.SupportedFeatures:
      // An array of words, one for each submap of features; there is one submap.
      if (size >= 4 && size % 4 === 0) p.supported |= file.u32(at, "SUPPORTED_FEATURES");
      break;
  }
}

/** A note's number: 1, 2, 4 or 8 bytes, little-endian; any other size reads as zero. */
function numeric(file: Reader, at: number, size: number, what: string): bigint {
  switch (size) {
    case 1:
      return BigInt(file.u8(at, what));
    case 2:
      return BigInt(file.u16(at, what));
    case 4:
      return BigInt(file.u32(at, what));
    case 8:
      return file.u64(at, what);
    default:
      return 0n;
  }
}
