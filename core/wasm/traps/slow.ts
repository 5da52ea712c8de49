// Slow instructions: one function per instruction the interpreter leaves to the core.
// Operands are in the record at C_RECORD (layout.ts REC_*).
export function insn_int(): void {} // INT n: REC_IMM is the vector (0x80 and 0x82 included)
export function insn_int3(): void {}
export function insn_into(): void {} // OF is set
export function insn_int1(): void {} // F1
export function insn_ud(): void {} // UD2 and every undefined opcode (forced emulation prefix included)
export function insn_iret(): void {} // operand size in REC_PREFIX
export function insn_cpuid(): void {}
export function insn_rdtsc(): void {}
export function insn_rdtscp(): void {}
/**
 * CLI STI HLT CLTS LMSW INVD WBINVD MOV CR/DR RDMSR WRMSR LGDT LIDT LLDT LTR INVLPG RDPMC XSETBV
 * SYSEXIT SYSRET ...: which one it is is read from the bytes at C_INSN_EIP.
 */
export function insn_privileged(): void {}
export function insn_io(): void {} // IN OUT INS OUTS: likewise
