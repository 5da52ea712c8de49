// Privileged instructions in a PV guest: a processor would raise #GP(0) for each, and Xen then
// emulates the few that kernels need. Source: xen/arch/x86/pv/emul-priv-op.c, pv-abi.md §5.
import { fault, fault_pending, GP, insn_eip, long_mode, seg_selector, UD } from "../cpu/state";
import { hypervisor_entered } from "../events/deliver";
import { CS } from "../layout";
import { TRAP_EMULATED, trace_trap } from "../trace";
import { clts, control_read, control_write } from "./control";
import { debug_move } from "./debug_move";
import { fetch_opcode, in_kernel, next_byte, op_lock } from "./fetch";
import { insn_io } from "./io";
import { io_level_allows } from "./iopl";
import { insn_rdtsc, insn_rdtscp } from "./tsc";
import { rdmsr, wrmsr } from "./msr_access";

function general_protection(): void {
  fault(GP, 0);
}
function undefined_opcode(): void {
  fault(UD, 0);
}

/** 0F 00: of this group only LLDT and LTR are privileged. */
function group_6(): void {
  const op = (next_byte() >> 3) & 7;
  if (op == 2 || op == 3) general_protection();
  else undefined_opcode();
}

/** 0F 01: LGDT, LIDT, LMSW, INVLPG in memory form; XSETBV and the rest do not exist here. */
function group_7(): void {
  const modrm = next_byte();
  const op = (modrm >> 3) & 7;
  if (modrm == 0xf9) insn_rdtscp();
  else if (modrm == 0xf8 && long_mode()) general_protection(); // SWAPGS
  else if (op == 6 || (modrm < 0xc0 && (op == 2 || op == 3 || op == 7))) general_protection();
  else undefined_opcode();
}

/** MOV to and from control and debug registers; the mod field counts for nothing. */
function move_special(opcode: u32): void {
  const modrm = next_byte();
  const special = (modrm >> 3) & 7;
  const register = modrm & 7;
  switch (opcode) {
    case 0x0f20:
      control_read(special, register);
      break;
    case 0x0f22:
      control_write(special, register);
      break;
    default:
      debug_move(special, register, opcode == 0x0f23);
  }
}

/**
 * CLI STI HLT CLTS LMSW INVD WBINVD MOV CR/DR RDMSR WRMSR LGDT LIDT LLDT LTR INVLPG RDPMC XSETBV
 * SYSEXIT SYSRET ...: which one it is is read from the bytes at C_INSN_EIP.
 */
export function insn_privileged(): void {
  hypervisor_entered();
  const opcode = fetch_opcode();
  if (fault_pending()) return;
  if (op_lock) {
    undefined_opcode();
    return;
  }
  switch (opcode) {
    case 0xfa: // CLI
    case 0xfb: // STI: allowed ones do nothing at all, the event mask is not theirs
      if (!io_level_allows()) general_protection();
      break;
    case 0xe4:
    case 0xe5:
    case 0xe6:
    case 0xe7:
    case 0xec:
    case 0xed:
    case 0xee:
    case 0xef:
    case 0x6c:
    case 0x6d:
    case 0x6e:
    case 0x6f:
      insn_io();
      break;
    case 0x0f00:
      group_6();
      break;
    case 0x0f01:
      group_7();
      break;
    case 0x0f06:
      if (in_kernel()) clts();
      else general_protection();
      break;
    case 0x0f09: // WBINVD: no caches to write back
      if (!in_kernel()) general_protection();
      break;
    case 0x0f20:
    case 0x0f21:
    case 0x0f22:
    case 0x0f23:
      move_special(opcode);
      break;
    case 0x0f30:
      if (in_kernel()) wrmsr();
      else general_protection();
      break;
    case 0x0f31:
      insn_rdtsc();
      break;
    case 0x0f32:
      if (in_kernel()) rdmsr();
      else general_protection();
      break;
    case 0xf4: // HLT
    case 0x0f07: // SYSRET
    case 0x0f08: // INVD
    case 0x0f33: // RDPMC
    case 0x0f35: // SYSEXIT
      general_protection();
      break;
    default:
      undefined_opcode();
  }
  if (!fault_pending()) trace_trap(GP, 0, seg_selector(CS), <u32> insn_eip(), 0, TRAP_EMULATED);
}
