/**
 * Accesses to guest memory. A region holds the straight way only: where an access needs more than the TLB (a page
 * crossing, overwritten code, an emulated page table), it leaves for the interpreter before anything has changed, and
 * that does the instruction.
 */
import {
  C_FAULT,
  C_TLB_SPREAD,
  C_TLB_TAG,
  CPU,
  NO_FAULT,
  TLB,
  TLB_ADDEND,
  TLB_ENTRIES,
  TLB_PROBE_FAULTS,
  TLB_READ,
  TLB_WRITE,
} from "../../core/wasm/layout.ts";
import type { Access } from "../semantics/memory.ts";
import type { Value } from "../semantics/value.ts";
import type { Group } from "./groups.ts";
import { NO_PAGE } from "./micro.ts";
import { OperandContext } from "./operands.ts";

const PAGE = ~0xfff;

/** Context of an instruction's accesses. */
export abstract class AccessContext extends OperandContext {
  /** They come in the interpreter's order, so that the first that fails is the instruction's fault. */
  #asInterpreted = true;

  /** The host's address: by the check of the access's group, if it has one, else by its own. */
  protected override translate(linear: Value, size: number, access: Access, stack: boolean): Value {
    const { groups, runs } = this.state;
    const place = this.certain ? groups.placeOf(linear) : null;
    if (groups.recording) {
      const slot = this.state.slots.slot(this.instruction, stack, access !== 0);
      runs.note(place && { place, size, write: access !== 0, slot });
    }
    const bias = runs.nextBias();
    if (bias) return this.add(linear, bias);
    if (!place) return this.#translateAlone(linear, size, access, stack);
    if (groups.recording) groups.note(place, size, access !== 0);
    const group = groups.recording ? null : groups.groupOf(place);
    if (!group) return this.#translateAlone(linear, size, access, stack);
    const further = place.distance - group.from;
    const { holds, base } = group.checked ??= this.#checkGroup(group, linear, further, stack);
    const host = this.variable("i32");
    this.set(host, base);
    this.unlikely(this.eqz(holds), () => {
      this.set(host, this.sub(this.#translateAlone(linear, size, access, stack), further));
    });
    return this.behind(host, further);
  }

  /** Whether all of a group lies in the page of its kind's last access, or in one that the TLB knows. */
  #checkGroup(group: Group, linear: Value, further: number, stack: boolean): {
    holds: Value;
    base: Value;
  } {
    const slot = this.state.slots.slot(this.instruction, stack, group.writes);
    const page = this.load(4, slot.page);
    const first = this.sub(linear, further);
    const firstPage = this.and(first, PAGE);
    const lastPage = this.and(this.add(first, group.to - group.from - 1), PAGE);
    const holds = this.variable("i32");
    this.set(holds, 1);
    const elsewhere = this.or(this.xor(firstPage, page), this.xor(lastPage, page));
    this.unlikely(elsewhere, () => {
      this.set(holds, 0);
      this.if(this.eq(firstPage, lastPage), () => {
        const host = this.call("cpu_tlb_known", first, group.writes ? 1 : 0);
        this.if(host, () => {
          this.set(holds, 1);
          this.store(4, slot.page, firstPage);
          this.store(4, slot.bias, this.sub(host, first));
        });
      });
    });
    return { holds, base: this.add(first, this.load(4, slot.bias)) };
  }

  /** Within the page of the last such access: its bias. Else by the TLB, or by the interpreter. */
  #translateAlone(linear: Value, size: number, access: Access, stack: boolean): Value {
    const slot = this.state.slots.slot(this.instruction, stack, access !== 0);
    const page = this.load(4, slot.page);
    const last = () => this.and(this.add(linear, size - 1), PAGE);
    // with the low bits of an aligned address kept, one comparison tells page and crossing; others
    // take a second look
    const elsewhere = size <= 4
      ? this.ne(this.and(linear, PAGE | (size - 1)), page)
      : this.or(this.ne(this.and(linear, PAGE), page), this.ne(last(), page));
    this.unlikely(elsewhere, () => {
      const missed = () => {
        this.store(4, slot.page, this.and(linear, PAGE));
        // pages that take turns are in the TLB both
        const place = this.and(this.shrU(linear, 12 - 5), (TLB_ENTRIES - 1) << 5);
        const entry = this.xor(place, super.readState(4, C_TLB_SPREAD));
        const known = this.load(4, entry, TLB + (access === 0 ? TLB_READ : TLB_WRITE));
        const hit = this.eq(known, this.or(last(), super.readState(4, C_TLB_TAG)));
        this.if(hit, () => this.store(4, slot.bias, this.load(4, entry, TLB + TLB_ADDEND)), () => {
          const faults = this.#asInterpreted ? TLB_PROBE_FAULTS : 0;
          const host = this.call("cpu_tlb_probe", linear, size, access | faults);
          this.unlikely(this.eqz(host), () => {
            this.store(4, slot.page, NO_PAGE);
            this.cleanup?.();
            if (faults) {
              this.if(this.ne(this.load(4, CPU, C_FAULT), NO_FAULT), () => this.faulted());
            }
            this.exitToInterpreter();
          });
          this.store(4, slot.bias, this.sub(host, linear));
        });
      };
      if (size === 1) missed();
      else {
        const crossing = this.ne(last(), page);
        this.if(this.or(this.ne(this.and(linear, PAGE), page), crossing), missed);
      }
    });
    return this.add(linear, this.load(4, slot.bias));
  }

  /** Never the scratch bytes. */
  protected override stored(_host: Value): void {}

  /** Has the interpreter do this instruction. */
  protected abstract exitToInterpreter(): void;

  /** To the fault that a helper noted for this instruction. */
  abstract override faulted(): void;

  /** An access that fails leaves before a register has changed, and what was stored is stored once more. */
  override pushAll(): void {
    if (!this.flat || this.size !== 4) return super.pushAll();
    this.#asInterpreted = false;
    const sp = this.stackPointer().read();
    for (let n = 0; n < 8; n++) {
      this.atLinear(this.sub(sp, 4 * (n + 1)), 4, true).write(this.readState(4, 8 * n));
    }
    this.stackPointer().write(this.sub(sp, 32));
  }

  override popAll(): void {
    if (!this.flat || this.size !== 4) return super.popAll();
    this.#asInterpreted = false;
    const sp = this.stackPointer().read();
    const at = (n: number) => this.add(sp, 4 * (7 - n));
    const wanted = [0, 1, 2, 3, 5, 6, 7];
    const values = wanted.map((n) => this.atLinear(at(n), 4, true).read());
    wanted.forEach((n, i) => this.register(8 * n, 4).write(values[i]));
    this.stackPointer().write(this.add(sp, 32));
  }
}
