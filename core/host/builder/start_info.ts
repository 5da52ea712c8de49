/**
 * start_info, the page a guest learns about itself from. Fields and their places in the 32-bit
 * layout: pv-abi §2.4; Xen: include/public/xen.h.
 */

const MAGIC = 0x00;
const NR_PAGES = 0x20;
const SHARED_INFO = 0x24;
const FLAGS = 0x28;
const STORE_MFN = 0x2c;
const STORE_EVTCHN = 0x30;
const CONSOLE_MFN = 0x34;
const CONSOLE_EVTCHN = 0x38;
const PT_BASE = 0x3c;
const NR_PT_FRAMES = 0x40;
const MFN_LIST = 0x44;
const MOD_START = 0x48;
const MOD_LEN = 0x4c;
const CMD_LINE = 0x50;

/** Room for the command line, its NUL included. */
export const COMMAND_LINE_SIZE = 1024;
/** mod_start is a page number. */
export const SIF_MOD_START_PFN = 8;

export interface StartInfo {
  /** The guest type, at most 31 characters. */
  magic: string;
  nrPages: number;
  /** Machine address. */
  sharedInfo: number;
  flags: number;
  storeMfn: number;
  storePort: number;
  consoleMfn: number;
  consolePort: number;
  /** Virtual address of the top page table. */
  ptBase: number;
  nrPtFrames: number;
  /** Virtual address of the P2M list. */
  mfnList: number;
  /** Virtual address, or page number with SIF_MOD_START_PFN. */
  modStart: number;
  modLen: number;
  commandLine: string;
}

/** Writes the structure to the start of `page`, which must be zero. */
export function writeStartInfo(page: Uint8Array, info: StartInfo): void {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const word = (at: number, value: number) => view.setUint32(at, value, true);
  const text = new TextEncoder();
  page.set(text.encode(info.magic), MAGIC);
  word(NR_PAGES, info.nrPages);
  word(SHARED_INFO, info.sharedInfo);
  word(FLAGS, info.flags);
  word(STORE_MFN, info.storeMfn);
  word(STORE_EVTCHN, info.storePort);
  word(CONSOLE_MFN, info.consoleMfn);
  word(CONSOLE_EVTCHN, info.consolePort);
  word(PT_BASE, info.ptBase);
  word(NR_PT_FRAMES, info.nrPtFrames);
  word(MFN_LIST, info.mfnList);
  word(MOD_START, info.modStart);
  word(MOD_LEN, info.modLen);
  page.set(text.encode(info.commandLine).subarray(0, COMMAND_LINE_SIZE - 1), CMD_LINE);
}
