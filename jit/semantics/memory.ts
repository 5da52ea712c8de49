/**
 * Memory operands: address, segment, TLB, and the slow door behind it.
 *
 * An access that hits the TLB is a tag compare and a load or store. All else (misses, page crossings,
 * code frames, emulated page tables, faults) goes through cpu_tlb_fill, which may answer with a
 * scratch address (SPLIT): a store there is carried out by cpu_commit.
 */
import {
  C_TLB_SPREAD,
  C_TLB_TAG,
  CPU,
  PREFIX_LOCK,
  SPLIT,
  TLB,
  TLB_ADDEND,
  TLB_ENTRIES,
  TLB_READ,
  TLB_WRITE,
} from "../../core/wasm/layout.ts";
import { isVector } from "../isa/operands.ts";
import { FlagInstruction } from "./flags.ts";
import type { IntType, Operand, Value, Vector } from "./value.ts";

/** Somewhere an operand lives. */
export interface Place {
  /** Width in bytes. */
  readonly size: number;
  /** Its value, zero-extended. */
  read(): Value;
  /** Its value, when {@link write} follows: memory is probed for writing at once. */
  modify(): Value;
  /** Replaces it. Memory may fault. */
  write(v: Operand): void;
}

/** Somewhere a vector, or the low bytes of one, lives. */
export interface VectorPlace {
  /** The vector; bytes that it does not have are zero. */
  read(): Vector;
  /** As read, when {@link write} follows: memory is probed for writing at once. */
  modify(): Vector;
  /** Replaces its bytes by the low ones of a vector. Memory may fault. */
  write(v: Vector): void;
}

const GENERAL_PROTECTION = 13;

/** How memory is accessed, as tlb_fill numbers it: read, written, read and then written. */
const READ = 0, WRITE = 1, MODIFY = 3;
export type Access = typeof READ | typeof WRITE | typeof MODIFY;
/** To be added in 64-bit code for an access by the stack pointer. */
const STACK = 4;
/** To be added to a write: into a page table it faults; it has a LOCK prefix. */
const NOT_EMULATED = 8, LOCKED = 16;
/** To be added where no segment was looked at: over 4 GiB the access is beyond the flat one's limit. */
const FLAT = 32;
/** What stores a selector or a table register, where Xen emulates no store. */
const SELECTORS = /^(mov_from_sreg|push_sreg|sldt|str|smsw|sgdt)$/;

/** An instruction with memory operands. */
export abstract class MemoryInstruction extends FlagInstruction {
  /** Effective address of the memory operand, before segmentation, in the type of addresses. */
  abstract effectiveAddress(): Value;
  /** An effective address cut to the address size. */
  abstract wrapAddress(address: Value): Value;
  /** Segment number of the memory operand. */
  abstract segment(): Value;

  /** The memory operand as a place of `size` bytes, `displacement` bytes further on. */
  memory(size = this.size, displacement = 0): Place {
    let effective: Value | null = null;
    const linear = (write: boolean) => {
      effective ??= displacement
        ? this.add(this.effectiveAddress(), displacement)
        : this.effectiveAddress();
      return this.flatOperand
        ? effective
        : this.segmentAddress(this.segment(), effective, size, write);
    };
    return this.#linearPlace(linear, size, false, this.flatOperand);
  }

  /** Memory `bytes` further on than the memory operand. */
  memoryAt(bytes: Value): Place {
    const effective = this.wrapAddress(this.add(this.effectiveAddress(), bytes));
    return this.#linearPlace(
      (write) =>
        this.flatOperand
          ? effective
          : this.segmentAddress(this.segment(), effective, this.size, write),
      this.size,
      false,
      this.flatOperand,
    );
  }

  /** The instruction's prefix bits, PREFIX_*. */
  abstract prefixes(): Value;
  /** Address of the decoded record, for helpers that read it themselves. */
  abstract record(): Value;

  /**
   * The memory operand as the low `size` (2 to 16) bytes of a vector. But for the common instructions
   * one helper finds the address, whatever segment and form: handlers would be too many.
   *
   * @param aligned raise #GP(0) unless the linear address is a multiple of 16
   */
  vectorMemory(size: number, aligned: boolean): VectorPlace {
    let modified: Value | null = null;
    const host = (access: Access) => {
      if (this.row.common) return this.#commonVector(size, aligned, access);
      const helper = this.long ? "cpu_long_vector_address" : "cpu_vector_address";
      const h = this.call(helper, this.record(), size, access, aligned ? 15 : 0);
      this.check(h);
      return h;
    };
    return {
      read: () => this.loadVector(size, host(READ)),
      modify: () => this.loadVector(size, modified = host(MODIFY)),
      write: (v) => {
        const h = modified ?? host(WRITE);
        this.storeVector(size, h, v);
        this.stored(h);
      },
    };
  }

  #commonVector(size: number, aligned: boolean, access: Access): Value {
    const effective = this.effectiveAddress();
    const linear = this.flatOperand
      ? effective
      : this.segmentAddress(this.segment(), effective, size, access !== READ);
    if (aligned) {
      this.if(this.and(this.convert(linear, "i32"), 15), () => this.fault(GENERAL_PROTECTION));
    }
    return this.translate(linear, size, access, false, this.flatOperand);
  }

  /** The `size` low bytes of a vector at an address, the others zero. */
  loadVector(size: number, address: Operand, offset = 0): Vector {
    const p = this.get(address);
    if (size === 16) return this.letVector(this.m.v128.load(offset, 1, p));
    if (size === 8) return this.letVector(this.m.v128.load64_zero(offset, 1, p));
    if (size === 4) return this.letVector(this.m.v128.load32_zero(offset, 1, p));
    return this.letVector(this.m.i32x4.splat(this.get(this.load(size, address, offset))));
  }

  /** Stores the `size` (4, 8 or 16) low bytes of a vector. */
  storeVector(size: number, address: Operand, v: Vector, offset = 0): void {
    const p = this.get(address);
    const e = this.getVector(v);
    if (size === 16) this.emit(this.m.v128.store(offset, 1, p, e));
    else if (size === 8) this.emit(this.m.v128.store64_lane(offset, 1, 0, p, e));
    else this.emit(this.m.v128.store32_lane(offset, 1, 0, p, e));
  }

  /** True if the memory operand's address needs no segment check. */
  abstract readonly flatOperand: boolean;

  /** Linear address of an offset in a segment, with all checks; leaves on a fault. */
  segmentAddress(segment: Operand, offset: Operand, size: number, write: boolean): Value {
    const helper = this.long ? "cpu_long_segment_address" : "cpu_segment_address";
    const a = this.call(helper, segment, offset, size, write ? 1 : 0);
    this.if(this.eq(a, this.constant(-1, "i64")), () => this.leaveFaulted());
    return this.convert(a, this.addressType);
  }

  /**
   * Memory at a linear address as a place.
   *
   * @param stack it was found by a stack pointer, and its segment was not looked at: what is no address,
   *   or beyond a flat segment, is #SS then
   */
  atLinear(linear: Value, size = this.size, stack = false): Place {
    return this.#linearPlace(() => linear, size, stack, stack);
  }

  /** To be said after a store to what {@link translate} gave: it may have been the scratch bytes. */
  protected stored(host: Value): void {
    this.if(this.eq(host, CPU + SPLIT), () => this.check(this.call("cpu_commit")));
  }

  /** A write of this instruction's, as tlb_fill is told of it. */
  #writing(access: Access): Operand {
    const { row } = this;
    const fpu = row.map === 0 && row.opcode >> 3 === 0xd8 >> 3;
    const block = row.map === 1 && row.opcode === 0xae;
    if (fpu || block || row.operands.some(isVector) || SELECTORS.test(row.name)) {
      return access | NOT_EMULATED;
    }
    if (access !== MODIFY || !row.lock) return access;
    if (row.name === "xchg") return MODIFY | LOCKED;
    const lock = this.and(this.prefixes(), PREFIX_LOCK);
    return this.or(this.mul(lock, LOCKED / PREFIX_LOCK), MODIFY);
  }

  #linearPlace(
    linear: (write: boolean) => Value,
    size: number,
    stack: boolean,
    flat: boolean,
  ): Place {
    const type: IntType = size === 8 ? "i64" : "i32";
    const translate = (access: Access) =>
      this.translate(linear(access !== READ), size, access, stack, flat);
    let host: Value | null = null;
    return {
      size,
      read: () => this.load(size, translate(READ), 0, type),
      modify: () => {
        host = translate(MODIFY);
        return this.load(size, host, 0, type);
      },
      write: (v) => {
        const h = host ?? translate(WRITE);
        this.store(size, h, v);
        this.stored(h);
      },
    };
  }

  /**
   * Host address for an access: the TLB's when its tag agrees, else tlb_fill's.
   *
   * @param stack the address was found by the stack pointer
   * @param flat its segment is flat and was not looked at
   */
  protected translate(
    linear: Value,
    size: number,
    access: Access,
    stack: boolean,
    flat: boolean,
  ): Value {
    const host = this.variable("i32");
    const shift = 12 - 5; // entries are 32 bytes
    const low = this.convert(linear, "i32");
    const page = this.and(this.shrU(low, shift), (TLB_ENTRIES - 1) << 5);
    const entry = this.xor(page, this.readState(4, C_TLB_SPREAD));
    const last = size === 1 ? linear : this.add(linear, size - 1);
    const space = this.convert(this.readState(4, C_TLB_TAG), linear.type);
    const tag = this.or(this.and(last, ~0xfff), space);
    const known = TLB + (access === READ ? TLB_READ : TLB_WRITE);
    const hit = this.eq(tag, this.load(this.addressBytes, entry, known));
    this.if(hit, () => {
      this.set(host, this.add(low, this.load(4, entry, TLB + TLB_ADDEND)));
    }, () => {
      const more = (stack ? STACK : 0) | (flat ? FLAT : 0);
      const kind = access === READ ? READ : this.#writing(access);
      const how = typeof kind === "number" ? kind | more : this.or(kind, more);
      this.set(host, this.call("cpu_tlb_fill", this.convert(linear, "i64"), size, how));
      this.check(host);
    });
    return host;
  }
}
