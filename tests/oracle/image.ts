/** Links a driver and cases into an executable, for each of the two worlds. */
import { assemble, type Callable, unit } from "../../guest/asm/mod.ts";
import { hypercallPage } from "../../guest/kernel/hypercalls.ts";
import type { Note } from "../host/elf/make_elf.ts";
import { type Case, writeCase } from "./case.ts";
import { executable } from "./elf.ts";
import { guestDriver } from "./guest.ts";
import {
  BASE,
  CASES_AT,
  CODE,
  code16,
  DRIVER,
  DRIVER_SIZE,
  FLAT_CS,
  MAX_CASES,
  PAD_END,
  PAD_END_16,
  PAD_TAKEN,
  PAD_TAKEN_16,
  READONLY,
  RECORD_BYTES,
  RECORDS,
  SIGNAL_STACK,
  SIGNAL_STACK_SIZE,
  SLOT_BACKWARD,
  SLOT_CODE,
  SLOT_FORWARD,
  slotAddress,
  STACK_16,
  UNMAPPED,
} from "./layout.ts";
import { linuxDriver } from "./linux.ts";
import type { Runner } from "./runner.ts";

const PAGE = 4096;

/** A driver: its bytes from DRIVER on, and the addresses the image needs. */
interface Driver {
  bytes: Uint8Array;
  /** Pages of it that are code and constants. */
  textPages: number;
  entry: number;
  end: number;
  taken: number;
  end16: number;
  taken16: number;
  hypercallPage: number;
}

function assembleDriver(
  { start, runner }: { start: Callable; runner: Runner },
  withHypercalls: boolean,
): Driver {
  const program = assemble({
    entry: start.label,
    base: DRIVER,
    extra: () => {
      for (const pad of [runner.end, runner.taken, runner.end16, runner.taken16]) {
        unit().refer(pad.label);
      }
      if (withHypercalls && hypercallPage.node.kind === "symbol") {
        unit().refer(hypercallPage.node.label);
      }
    },
  });
  const bytes = new Uint8Array(DRIVER_SIZE);
  for (const s of program.sections.values()) {
    if (s.address + s.bytes.length > DRIVER + DRIVER_SIZE) {
      throw new Error("the driver is too long");
    }
    bytes.set(s.bytes, s.address - DRIVER);
  }
  const symbol = (name: string) => program.symbols.find((s) => s.name === name)?.address ?? 0;
  return {
    bytes,
    entry: program.entry,
    end: symbol("landed_at_end"),
    taken: symbol("landed_taken"),
    end16: symbol("landed_at_end_16"),
    taken16: symbol("landed_taken_16"),
    textPages: (program.sections.get("bss")!.address - DRIVER) / PAGE,
    hypercallPage: symbol("hypercall_page"),
  };
}

/** Everything above the driver: landing pads, code, records. Its addresses begin at CODE. */
function caseArea(cases: readonly Case[], driver: Driver): Uint8Array {
  if (cases.length > MAX_CASES) throw new RangeError("too many cases for one image");
  const area = new Uint8Array(RECORDS - CODE + cases.length * RECORD_BYTES);
  const view = new DataView(area.buffer);
  const jump = (from: number, to: number) => {
    area[from - CODE] = 0xe9;
    view.setInt32(from - CODE + 1, to - (from + 5), true);
  };
  /** Out of 16-bit code. */
  const farJump = (from: number, to: number) => {
    area.set([0x66, 0xea], from - CODE);
    view.setUint32(from - CODE + 2, to, true);
    view.setUint16(from - CODE + 6, FLAT_CS.selector, true);
  };
  jump(PAD_END, driver.end);
  jump(PAD_TAKEN, driver.taken);
  jump(PAD_END_16, driver.end16);
  jump(PAD_TAKEN_16, driver.taken16);
  cases.forEach((c, n) => {
    const slot = slotAddress(c.slot ?? n);
    const leave = c.code16 ? farJump : jump;
    const small = c.ss === STACK_16.selector;
    const cs = c.code16 ? code16(slot) : FLAT_CS;
    leave(slot + SLOT_BACKWARD, small ? PAD_TAKEN_16 : PAD_TAKEN);
    area.set(c.code, slot + SLOT_CODE - CODE);
    leave(slot + SLOT_CODE + c.code.length, small ? PAD_END_16 : PAD_END);
    leave(slot + SLOT_FORWARD, small ? PAD_TAKEN_16 : PAD_TAKEN);
    const offset = slot + SLOT_CODE - cs.base;
    writeCase(c, cs.selector, offset, view, RECORDS - CODE + n * RECORD_BYTES);
  });
  return area;
}

function driverBytes(driver: Driver, cases: number): Uint8Array {
  const bytes = new Uint8Array(CASES_AT + 4 - DRIVER);
  bytes.set(driver.bytes);
  new DataView(bytes.buffer).setUint32(CASES_AT - DRIVER, cases, true);
  return bytes;
}

let linux: Driver | undefined;
const guests = new Map<number, Driver>();

/** An i386 Linux executable that writes the records to its standard output. */
export function linuxImage(cases: readonly Case[]): Uint8Array {
  linux ??= assembleDriver(linuxDriver(), false);
  const bytes = driverBytes(linux, cases.length);
  const text = linux.textPages * PAGE;
  const area = caseArea(cases, linux);
  const none = new Uint8Array(0);
  return executable(linux.entry, [
    { address: DRIVER, bytes: bytes.subarray(0, text), executable: true },
    { address: DRIVER + text, bytes: bytes.subarray(text), writable: true },
    { address: READONLY, bytes: readOnlyPage() },
    { address: READONLY + PAGE, bytes: none, size: UNMAPPED - READONLY - PAGE, writable: true },
    { address: UNMAPPED + PAGE, bytes: none, size: CODE - UNMAPPED - PAGE, writable: true },
    { address: CODE, bytes: area.subarray(0, RECORDS - CODE), executable: true },
    { address: RECORDS, bytes: area.subarray(RECORDS - CODE), writable: true },
    { address: SIGNAL_STACK, bytes: none, size: SIGNAL_STACK_SIZE, writable: true },
  ]);
}

/** A PV guest that leaves the records in its memory and powers off. */
export function guestImage(cases: readonly Case[]): Uint8Array {
  const pages = Math.ceil((RECORDS + cases.length * RECORD_BYTES - BASE) / PAGE);
  let driver = guests.get(pages);
  if (!driver) {
    // how many pages of it are code is known only when it is assembled
    const { textPages } = assembleDriver(guestDriver(pages, 1), true);
    guests.set(pages, driver = assembleDriver(guestDriver(pages, textPages), true));
  }
  const area = caseArea(cases, driver);
  const bytes = new Uint8Array(CODE - BASE + area.length);
  bytes.set(driverBytes(driver, cases.length));
  bytes.set(readOnlyPage(), READONLY - BASE);
  bytes.set(area, CODE - BASE);
  const notes: Note[] = [
    { type: 1, value: driver.entry },
    { type: 2, value: driver.hypercallPage },
    { type: 3, value: BASE },
    { type: 4, value: 0 },
    { type: 5, value: "xen-3.0" },
    { type: 6, value: "oracle" },
    { type: 8, value: "generic" },
    { type: 9, value: "yes" },
  ];
  const segment = { address: BASE, bytes, writable: true, executable: true };
  return executable(driver.entry, [segment], notes);
}

/** Contents of the page that may only be read: something other than zeroes. */
export function readOnlyPage(): Uint8Array {
  return Uint8Array.from({ length: PAGE }, (_, i) => (i * 37 + (i >> 8)) & 0xff);
}
