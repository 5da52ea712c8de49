/** Where the guests of kernels.ts have what: offsets from BASE are pages of the image. */
import { BASE } from "../guests/random_code.ts";

const page = (n: number) => BASE + n * 0x1000;

export const KCS = 0xe019, KDS = 0xe021, UCS = 0xe02b, UDS = 0xe033;
/** Handlers, behind the prologue. */
export const FAULT = page(0) + 0x900,
  FAULT_WITH_CODE = page(0) + 0x940,
  SYSTEM_CALL = page(0) + 0x980;
export const UPCALL = page(0) + 0x9c0, EXIT = page(0) + 0xa00;
export const TRAP_TABLE = page(1);
/** Two struct mmuext_op of 12 bytes that load the one and the other address space, and one that pins. */
export const OPS = page(1) + 0x400;
/** Low words of the entries of the two pages at VARIABLE. */
export const PTES = page(1) + 0x440;
/** Machine address of the GDT; ESP where code has another for a while; mfn_list; machine address of shared_info. */
export const GDT_MACHINE = page(1) + 0x450, SAVED_ESP = page(2) + 0xff0;
export const MFN_LIST = page(1) + 0x458, SHARED_INFO = page(1) + 0x45c;
export const COUNTERS = page(1) + 0x500;
/** What the handlers of faults have seen of CR2 and error codes, added up. */
export const FAULTS_SEEN = COUNTERS + 0x40;
export const STACK_TOP = page(2);
export const DATA = page(2);
/** Two pages that the second address space maps the other way round. */
export const VARIABLE = page(3);
/** A multicall's list across the end of the first of them. */
export const LIST = VARIABLE + 0xfd0;
/** The GDT, and the second address space's L1, slot-3 L2 and L3. */
export const OWN_TABLES = page(5);
export const L1 = page(6), L2 = page(7), L3 = page(8);
export const SHARED = page(9);
/** The last page before one that is not mapped. */
export const TAIL = page(10);
export const GAP = page(11);
export const USER_STACK = page(12);
export const CODE_AT = page(13);
