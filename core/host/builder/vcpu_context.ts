/**
 * struct vcpu_guest_context as a 32-bit guest knows it, and what the builder puts there for the
 * first vCPU. Layout: xen/include/public/arch-x86/xen.h; values: pv-abi §2.5 and Xen's
 * tools/libs/guest/xg_dom_x86.c (vcpu_x86_32).
 */

export const CONTEXT_SIZE = 0xaf0;
const FLAGS = 0x200;
const USER_REGS = 0x204;
const KERNEL_SS = 0xa94;
const KERNEL_SP = 0xa98;
const CTRLREG = 0xa9c;
const DEBUGREG = 0xabc;
const VM_ASSIST = 0xaec;

// Offsets in cpu_user_regs.
const ESI = 0x0c;
const EIP = 0x20;
const CS = 0x24;
const EFLAGS = 0x28;
const ESP = 0x2c;
const SS = 0x30;
const ES = 0x34;
const DS = 0x38;
const FS = 0x3c;
const GS = 0x40;

const VGCF_IN_KERNEL = 1 << 2;
const VGCF_ONLINE = 1 << 5;
/** Flat ring 1 segments of Xen's own descriptor table. */
const FLAT_KERNEL_CS = 0xe019;
const FLAT_KERNEL_DS = 0xe021;
const EFLAGS_IF = 0x200;
const DR6_DEFAULT = 0xffff0ff0;
const DR7_DEFAULT = 0x400;
const ASSIST_PAE_EXTENDED_CR3 = 3;

export interface FirstVcpu {
  entry: number;
  /** Just past the boot stack page. */
  stack: number;
  /** Virtual address of start_info. */
  startInfo: number;
  topTableMfn: number;
  /** The guest knows that CR3 holds a rotated frame number. */
  extendedCr3: boolean;
}

/** CR3 of a 32-bit guest: the frame number's low 20 bits above its high 12 (xen_pfn_to_cr3). */
export function cr3Of(mfn: number): number {
  return ((mfn << 12) | (mfn >>> 20)) >>> 0;
}

/** The bytes of the structure. */
export function firstVcpuContext(v: FirstVcpu): Uint8Array {
  const bytes = new Uint8Array(CONTEXT_SIZE);
  const view = new DataView(bytes.buffer);
  const word = (at: number, value: number) => view.setUint32(at, value, true);
  word(FLAGS, VGCF_IN_KERNEL | VGCF_ONLINE);
  word(USER_REGS + ESI, v.startInfo);
  word(USER_REGS + EIP, v.entry);
  word(USER_REGS + CS, FLAT_KERNEL_CS);
  word(USER_REGS + EFLAGS, EFLAGS_IF);
  word(USER_REGS + ESP, v.stack);
  for (const selector of [SS, ES, DS, FS, GS]) word(USER_REGS + selector, FLAT_KERNEL_DS);
  word(KERNEL_SS, FLAT_KERNEL_DS);
  word(KERNEL_SP, v.stack);
  word(CTRLREG + 3 * 4, cr3Of(v.topTableMfn));
  word(DEBUGREG + 6 * 4, DR6_DEFAULT);
  word(DEBUGREG + 7 * 4, DR7_DEFAULT);
  if (v.extendedCr3) word(VM_ASSIST, 1 << ASSIST_PAE_EXTENDED_CR3);
  return bytes;
}
