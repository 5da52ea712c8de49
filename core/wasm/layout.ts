// The map of linear memory: the one place that says where each structure lives.
//
// This file is read by three worlds: AssemblyScript (core.wasm), the interpreter generator and the
// Deno host. It therefore holds nothing but untyped integer constants, which mean the same in each.
//
//   0x0000_1000  CPU          registers of the vCPU that runs now (fixed address, so that handlers
//                             reach a register with one load; switched by copying, ~1 KiB)
//   0x0000_2000  JIT_EXITS    where translated regions were left of late, for the translator
//   0x0000_4000  MAILBOX      32 KiB the host and the core pass arrays and strings through
//   0x0001_0000  static data  asc's own (strings, opcode tables, globals live outside memory)
//   0x0010_0000  TLB          4096 entries of 32 bytes
//   0x0012_0000  JUMP_CACHE   16384 entries of 16 bytes: guest EIP -> first record of its block
//   0x0016_0000  TRACE        ring of trace events for the host
//   0x0020_0000  RECORDS      decoded instructions, bump-allocated, dropped all at once when full
//   0x00A0_0000  HEAP         domains, vCPUs, port tables, code page descriptors
//   0x0200_0000  PAGE_INFO    32 bytes for each frame of the machine (room for a million)
//   0x0400_0000  PROFILE      counts by record, written only by a build or translation that profiles
//   0x0440_0000  MACHINE      machine memory: frame m is at MACHINE + m * 4096
//
// Only what is touched is resident: an untouched page of wasm memory costs nothing.

export const CPU = 0x1000;
export const CPU_STATE_SIZE = 0x480; // bytes copied on a vCPU switch
export const JIT_EXITS = 0x2000; // ring of entries of 8 bytes: region (its first record) + JIT_EXIT_*, EIP gone to
export const JIT_EXITS_ENTRIES = 256;
export const JIT_EXITS_COUNT = 0x3000; // u32: entries ever written
export const JIT_PAGES = 0x3100; // pages that regions are at work in: page, host address - guest address
export const JIT_PAGES_USER = 0x3300; // the same of ring 3
export const JIT_RESUMES = 0x3c00; // ring of entries of 8 bytes: EIP gone on at behind the core's work, and its C_JUMP_TAG
export const JIT_RESUMES_ENTRIES = 64;
export const JIT_RESUMES_COUNT = 0x3e00; // u32: entries ever written
export const TLB_CHANGES = 0x3e80; // u32: counts what was taken from the TLB or replaced in it, and changes of address space
export const JIT_TLB_CHANGES = 0x3e84; // u32: the same when the pages in JIT_PAGES began to be looked up
export const JIT_TLB_CHANGES_USER = 0x3e88; // and those in JIT_PAGES_USER
export const JIT_EXIT_DIRECT = 0;
export const JIT_EXIT_INDIRECT = 1;
export const JIT_EXIT_RETURN = 2;
export const MAILBOX = 0x4000;
export const MAILBOX_SIZE = 0x8000;
export const STATIC_BASE = 0x10000;
export const TLB = 0x100000;
export const TLB_ENTRIES = 4096;
export const TLB_ENTRY_SIZE = 32;
export const TLB_SPREAD = 157; // entries between the places of a page in one address space and the next
export const JUMP_CACHE = 0x120000;
export const JUMP_CACHE_ENTRIES = 16384;
export const JUMP_CACHE_ENTRY_SIZE = 16;
export const TRACE = 0x160000;
export const TRACE_SIZE = 0x10000;
export const RECORDS = 0x200000;
export const RECORDS_END = 0xa00000;
export const HEAP = 0xa00000;
export const HEAP_END = 0x2000000;
export const PAGE_INFO = 0x2000000;
export const PAGE_INFO_SIZE = 32;
export const PROFILE = 0x4000000; // an entry of 16 bytes for each record: see PROFILE_* below
export const PROFILE_END = 0x4400000;
export const MACHINE = 0x4400000;
export const MAX_FRAMES = 0xfbc00; // what fits below 4 GiB

// ---- flags that are computed later: FLAGS_FROM_* << 2 | log2 of the operand size; see cpu/flags.ts --
export const FLAGS_FROM_CMP = 1;
export const FLAGS_FROM_SUB = 2;
export const FLAGS_FROM_ADD = 3;
export const FLAGS_FROM_LOGIC = 4;
export const FLAGS_FROM_INC = 5; // from here on the second value is CF
export const FLAGS_FROM_DEC = 6;

// ---- CPU state: byte offsets from CPU -------------------------------------------------------
// Register slots are 8 bytes, in the instruction set's numbering, so that 64-bit mode needs no
// other layout. Slot 16 always holds zero: an absent base or index register reads it.
export const R_AX = 0x00;
export const R_CX = 0x08;
export const R_DX = 0x10;
export const R_BX = 0x18;
export const R_SP = 0x20;
export const R_BP = 0x28;
export const R_SI = 0x30;
export const R_DI = 0x38;
export const R_ZERO = 0x80;
// While a block runs, C_EIP is the EIP of the block's first instruction. Outside (slow
// instructions, fault delivery, hypercalls) it is the EIP of the next instruction to run.
export const C_EIP = 0x88; // u64
// EIP of the instruction a slow helper is working for, or that faulted.
export const C_INSN_EIP = 0x90; // u64
// Arithmetic flags are kept as a result and a carry vector: see core/wasm/cpu/flags.ts.
export const C_FLAG_RES = 0x98; // i64, sign-extended from the operand size
export const C_FLAG_AUX = 0xa0; // u32
// All other EFLAGS bits (TF DF NT RF AC ID ...); bits 0 2 4 6 7 11 are zero here, bit 1 and IF one.
export const C_EFLAGS = 0xa4; // u32
// Segment registers ES CS SS DS FS GS, 32 bytes each.
export const C_SEG = 0xa8;
export const SEG_SIZE = 32;
export const SEG_SEL = 0; // u32: the visible selector
export const SEG_ATTR = 4; // u32: bits 8..23 of the descriptor's high word in place (type S DPL P . AVL L D G); 0 = null
export const SEG_BASE = 8; // u64
export const SEG_LIMIT = 16; // u32: in bytes, scaled
export const C_CPL = 0x168; // u32: 1 or 3
// Block mode, part of every block's identity: MODE_* below.
export const C_MODE = 0x16c; // u32
// Ored into TLB tags: address space number << 1 | (CPL == 3).
export const C_TLB_TAG = 0x170; // u32, below 0x1000
// What a jump cache entry must hold beside the EIP: C_TLB_TAG | C_MODE << 12.
export const C_JUMP_TAG = 0x174; // u32
// Instructions left in this slice; below or equal zero ends it at the next block boundary.
export const C_BUDGET = 0x178; // i32
// Set by anything that wants the run loop to return to the host (crash, block, shutdown, yield).
export const C_STOP = 0x17c; // u32
// C_RETIRED_END - C_BUDGET = instructions retired by this machine up to now.
export const C_RETIRED_END = 0x180; // u64
// A pending exception: vector (or NO_FAULT), error code, and CR2 for #PF.
export const C_FAULT = 0x188; // u32
export const C_FAULT_ERROR = 0x18c; // u32
export const C_FAULT_ADDRESS = 0x190; // u64
export const NO_FAULT = 0xffff;
// Record of the slow instruction at work (0 outside).
export const C_RECORD = 0x198; // u32
// 1 while the instruction at work runs under TF: #DB is due after it.
export const C_STEP_ARMED = 0x19c; // u32
// A write that cannot go straight to memory (page crossing, code frame, emulated page table): the
// handler is given SPLIT as host address, stores there and then calls cpu_commit.
export const C_SPLIT_ADDRESS = 0x1a0; // u64: guest linear address
export const C_SPLIT_SIZE = 0x1a8; // u32: bytes
export const C_SPLIT_KIND = 0x1ac; // u32: owned by pagetables/
export const SPLIT = 0x1b0; // 32 bytes
// 1 after MOV SS / POP SS: the next instruction is not interrupted by #DB or an event.
export const C_SHADOW = 0x1d0; // u32
// 1 while virtual CR0.TS is set: FPU and vector instructions raise #NM.
export const C_TS = 0x1d4; // u32
// Where the running address space's pages lie in the TLB: TLB_SPREAD times its number, see "TLB entry".
export const C_TLB_SPREAD = 0x1d8; // u32: a multiple of TLB_ENTRY_SIZE, below the TLB's size
// DR6 bits of the breakpoints that were met, until the #DB behind the instruction tells of them.
export const C_DATA_HITS = 0x1dc; // u32
// Operand and result of vector helpers, when they are not registers.
export const C_VECTOR = 0x1e0; // 32 bytes
// 512 bytes, FXSAVE layout: FCW FSW .. x87 registers at +32, XMM at +160. The x87's eight lie there by
// physical number (MMX register n is number n, whatever TOP is), not in stack order as FXSAVE gives them.
export const C_FX = 0x200;
export const FX_ST = 32; // in it: x87 and MMX registers
export const FX_XMM = 160;
export const C_DR = 0x400; // DR0..DR7, 8 bytes each

// Segment register numbers, as in the instruction encoding.
export const ES = 0;
export const CS = 1;
export const SS = 2;
export const DS = 3;
export const FS = 4;
export const GS = 5;

// Block mode bits (at most 8 of them).
export const MODE_CODE32 = 1; // CS.D
export const MODE_STACK32 = 2; // SS.B
export const MODE_FLAT = 4; // ES SS DS: base 0, limit 4 GiB, writable, expand-up; CS flat too
export const MODE_STEP = 8; // TF or an armed breakpoint: one instruction at a time
export const MODE_LONG = 16; // 64-bit code; CODE32, STACK32 and CODE_FLAT are set with it
export const MODE_CODE_FLAT = 32; // CS: base 0, limit 4 GiB: EIP alone names an address
export const MODE_USER = 64; // ring 3: translations know the pages it may touch

// ---- TLB entry -------------------------------------------------------------------------------
// Tag = page address | C_TLB_TAG. The entry for a page lies at ((address >> 12) & (TLB_ENTRIES - 1)) *
// TLB_ENTRY_SIZE ^ C_TLB_SPREAD, so that the same pages of two address spaces are there side by side.
// An access of n bytes at a hits when ((a + n - 1) & ~0xfff | C_TLB_TAG) equals the tag of the
// entry for a: an access that crosses the page's end misses by construction.
export const TLB_READ = 0; // u64
export const TLB_WRITE = 8; // u64
export const TLB_ADDEND = 16; // u32: host address - guest address, mod 2^32
// Never matches: no C_TLB_TAG has all twelve low bits set.
export const TLB_NEVER = 0xfff;
// With cpu_tlb_probe's access: where the page is not there at all, that is the instruction's fault and is noted.
export const TLB_PROBE_FAULTS = 64;

// ---- Jump cache entry ------------------------------------------------------------------------
// The entry for an EIP is (EIP ^ EIP >> 12 ^ tag * JUMP_TAG_SPREAD) mod JUMP_CACHE_ENTRIES, so that address
// spaces that take turns have entries of their own.
export const JUMP_TAG_SPREAD = 0x9e5;
export const JUMP_EIP = 0; // u64
export const JUMP_TAG = 8; // u32
export const JUMP_RECORD = 12; // u32

// ---- Decoded instruction ---------------------------------------------------------------------
export const RECORD_SIZE = 32;
export const REC_HANDLER = 0; // u32: index in the function table
export const REC_A = 4; // u8: offset of the first register operand from CPU; of an MMX or XMM register, number * 16
export const REC_B = 5; // u8: second
export const REC_BASE = 6; // u8: offset of the base register, or R_ZERO, or (RIP-relative) C_EIP
export const REC_INDEX = 7; // u8: offset of the index register, or R_ZERO
export const REC_IMM = 8; // i64: immediate, sign-extended; of an x87 instruction its FOP
// Address displacement, or a direct jump's target from the block's start. In 64-bit code addresses use
// eight bytes of it, REC_LINK with them, and a jump's target stands in REC_IMM.
export const REC_DISP = 16; // i32
export const REC_LINK = 20; // u32: record of a direct jump's target once known, or 0
export const REC_DELTA = 24; // u16: bytes from the block's start to this instruction
export const REC_LENGTH = 26; // u8: bytes of this instruction
export const REC_COUNT = 27; // u8: instructions of the block up to and including this one
export const REC_SCALE = 28; // u8: log2 of the index scale
export const REC_SEG = 29; // u8: segment register of the memory operand
export const REC_PREFIX = 30; // u16: PREFIX_* bits

// ---- Counts of a record, at PROFILE + (record - RECORDS) / 2 ------------------------------------
export const PROFILE_EIP = 0; // u32: EIP of its block when it was counted last
export const PROFILE_INTERPRETED = 4; // u32: times the block was left there, interpreted
export const PROFILE_TRANSLATED = 8; // u32: the same, translated
export const PROFILE_HANDED = 12; // u32: times a translation left the instruction to the interpreter
export const PROFILE_ENTRY = 16;

export const PREFIX_OPSIZE = 1; // 66 given
export const PREFIX_ADDR16 = 2; // effective address is 16 bits wide; in 64-bit code: 32
export const PREFIX_LOCK = 4;
export const PREFIX_REPNE = 8; // F2
export const PREFIX_REP = 16; // F3
export const PREFIX_SEGMENT = 32; // a segment override given
export const PREFIX_OP16 = 64; // operand size is 16 bits
export const PREFIX_OP64 = 256; // operand size is 64 bits
export const PREFIX_LINKABLE = 128; // direct jump within its page: REC_LINK may remember the target
