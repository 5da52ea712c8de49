/**
 * A vCPU's registers and memory, for traces and crash reports. Reads only, and believes nothing: a
 * broken guest's tables lead to "not mapped", never anywhere else.
 */
import {
  C_CPL,
  C_EIP,
  C_INSN_EIP,
  C_SEG,
  MACHINE,
  SEG_ATTR,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SEL,
  SEG_SIZE,
} from "../wasm/layout.ts";
import type { Core } from "./core.ts";

/** Exports of core/wasm/inspect.ts. */
interface Inspection {
  inspect_cpu(domid: number, vcpu: number): number;
  inspect_eflags(domid: number, vcpu: number): number;
  inspect_cr3(domid: number, vcpu: number): number;
  inspect_cr2(domid: number, vcpu: number): bigint;
  inspect_current(): number;
  inspect_crash_vcpu(domid: number): number;
}

/** A segment register with the descriptor that was loaded into it. */
export interface Segment {
  /** As the guest loaded it; its lowest two bits are the ring. */
  selector: number;
  /** Bits 8 to 23 of the descriptor's high word, in place; 0 = null. */
  attributes: number;
  /** Linear address of its first byte. */
  base: number;
  /** Offset of its last byte. */
  limit: number;
}

const PAGE = 4096;
const PRESENT = 1n;
const FRAME = 0x000ffffffffff000n;

function inspection(core: Core): Inspection {
  return core.exports as unknown as Inspection;
}

/** Domain and number of the vCPU that runs now, or null. */
export function currentVcpu(core: Core): { domid: number; vcpu: number } | null {
  const both = inspection(core).inspect_current();
  return both < 0 ? null : { domid: both >>> 16, vcpu: both & 0xffff };
}

/** The vCPU on which a domain crashed. */
export function crashVcpu(core: Core, domid: number): number {
  return inspection(core).inspect_crash_vcpu(domid);
}

/**
 * A vCPU to be looked at: what it shows is what it is when it is asked. While a guest runs, that is between two slices; for
 * several values of one moment pause the domain.
 */
export class VcpuView {
  private readonly state: number;

  /**
   * @internal Use {@link Domain.vcpu}.
   * @throws Error when there is no such vCPU
   */
  constructor(private readonly core: Core, readonly domid: number, readonly vcpu: number) {
    this.state = inspection(core).inspect_cpu(domid, vcpu);
    if (this.state === 0) throw new Error(`no vCPU ${vcpu} in domain ${domid}`);
  }

  /** A general register by its encoding: 0 EAX, 1 ECX, 2 EDX, 3 EBX, 4 ESP, 5 EBP, 6 ESI, 7 EDI. */
  gpr(n: number): number {
    return this.word(n * 8);
  }

  /** EIP of the next instruction. */
  get eip(): number {
    return this.word(C_EIP);
  }

  /** EIP of the instruction that was at work last. */
  get instructionEip(): number {
    return this.word(C_INSN_EIP);
  }

  /** Current privilege level: 1 is the kernel's, 3 that of its programs. */
  get cpl(): number {
    return this.word(C_CPL);
  }

  /** EFLAGS as the guest's PUSHF would store them. */
  get eflags(): number {
    return inspection(this.core).inspect_eflags(this.domid, this.vcpu) >>> 0;
  }

  /** Address of the last page fault. */
  get cr2(): number {
    return Number(BigInt.asUintN(32, inspection(this.core).inspect_cr2(this.domid, this.vcpu)));
  }

  /** Frame of the top-level page table. */
  get cr3(): number {
    return inspection(this.core).inspect_cr3(this.domid, this.vcpu) >>> 0;
  }

  /** A segment register by its encoding: 0 ES, 1 CS, 2 SS, 3 DS, 4 FS, 5 GS. */
  segment(n: number): Segment {
    const at = C_SEG + n * SEG_SIZE;
    return {
      selector: this.word(at + SEG_SEL),
      attributes: this.word(at + SEG_ATTR),
      base: this.word(at + SEG_BASE),
      limit: this.word(at + SEG_LIMIT),
    };
  }

  /** Bytes of memory at a linear address: as many, up to `length`, as are mapped. */
  read(address: number, length: number): Uint8Array {
    const out = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const linear = (address + done) >>> 0;
      const frame = this.translate(linear);
      if (frame < 0) break;
      const offset = linear & (PAGE - 1);
      const n = Math.min(length - done, PAGE - offset);
      out.set(this.core.bytes().subarray(frame + offset, frame + offset + n), done);
      done += n;
    }
    return out.subarray(0, done);
  }

  /** A little-endian word at a linear address, or null where nothing is mapped. */
  readWord(address: number): number | null {
    const b = this.read(address, 4);
    return b.length < 4 ? null : (b[0] | b[1] << 8 | b[2] << 16 | b[3] << 24) >>> 0;
  }

  /** Where the frame that holds a linear address begins in the core's memory; -1 = nowhere. */
  private translate(linear: number): number {
    let table = this.frameAddress(this.cr3);
    for (const [shift, mask] of [[30, 3], [21, 511], [12, 511]]) {
      if (table < 0) return -1;
      const index = (linear >>> shift) & mask;
      const entry = this.core.view().getBigUint64(table + index * 8, true);
      if (!(entry & PRESENT)) return -1;
      table = this.frameAddress(Number((entry & FRAME) >> 12n));
    }
    return table;
  }

  /** Where a frame begins in the core's memory; -1 = there is none. */
  private frameAddress(mfn: number): number {
    const at = MACHINE + mfn * PAGE;
    return mfn === 0 || at + PAGE > this.core.exports.memory.buffer.byteLength ? -1 : at;
  }

  /** A word of the vCPU's state. */
  private word(offset: number): number {
    return this.core.view().getUint32(this.state + offset, true);
  }
}
