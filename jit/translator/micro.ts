/**
 * The pages that a region is at work in: for each kind of address (the stack, or a base and index
 * register with the upper bits of the displacement) the page of its last access and what to add to get
 * the host's address. An access within the page costs a mask, a comparison and an
 * addition; another page is looked up in the TLB, off the way.
 *
 * What is kept stays true for as long as nothing in the TLB is replaced or taken from it (TLB_CHANGES): that is
 * looked at where a region is entered and after calls of the core. So one region finds what another has looked up, each in places of its own for reads and for writes. Ring 3, which may
 * touch less, has other places than the rest, so that what either knows outlasts system calls.
 */
import { JIT_PAGES, JIT_PAGES_USER, R_SP, R_ZERO } from "../../core/wasm/layout.ts";
import { PLACE_REGISTER } from "../isa/forms.ts";
import type { IntType } from "../semantics/value.ts";
import type { DecodedInstruction, RegionBlock } from "./region.ts";

/** A local that can be assigned. */
export type Variable = { type: IntType; local: number };

/**
 * Where the page of the last access of one kind stands, or NO_PAGE; and the host's address minus the
 * guest's: addresses in linear memory. In locals they would cost more: V8 spills most of them, and copies
 * them from one place on its stack to another wherever ways meet.
 */
export interface Slot {
  page: number;
  bias: number;
}

/** Equal to no address cut to its page, whatever bits below a size are kept with it. */
export const NO_PAGE = 0x800;
/** Kinds of addresses with slots of their own, the most frequent. */
const MOST = 30;
/** Places there are: even ones for reads, odd ones for writes, in every region. */
export const MOST_SLOTS = 64;
/** Address of a slot's page; what is added in it stands behind all of them. */
export const pageOfSlot = (n: number, user: boolean) => (user ? JIT_PAGES_USER : JIT_PAGES) + 4 * n;
const STACK = "stack";
const REST = "rest";

/** What is likely to stay in one page: addresses by the same registers, not far from each other. */
function kindOf(i: DecodedInstruction): string {
  if (i.base === R_SP && i.index === R_ZERO) return STACK;
  return [i.base, i.index, i.displacement + 2048 >> 12].join();
}

const slotAt = (n: number, user: boolean): Slot => ({
  page: pageOfSlot(n, user),
  bias: pageOfSlot(n, user) + 4 * MOST_SLOTS,
});

/** The slots of a region. */
export class Slots {
  readonly #reads = new Map<string, Slot>();
  readonly #writes = new Map<string, Slot>();

  constructor(blocks: RegionBlock[]) {
    const count = new Map<string, number>([[STACK, Infinity], [REST, Infinity]]);
    for (const i of blocks.flatMap((b) => b.instructions)) {
      if (i.handler === "end" || i.handler.place === PLACE_REGISTER) continue;
      const kind = kindOf(i);
      count.set(kind, (count.get(kind) ?? 0) + 1);
    }
    const { user } = blocks[0];
    const kinds = [...count].sort((a, b) => b[1] - a[1]).slice(0, MOST);
    for (const [n, [kind]] of kinds.entries()) {
      this.#reads.set(kind, slotAt(2 * n, user));
      this.#writes.set(kind, slotAt(2 * n + 1, user));
    }
  }

  /** The slot for an instruction's operand, or its work on the stack. */
  slot(i: DecodedInstruction, stack: boolean, write: boolean): Slot {
    const slots = write ? this.#writes : this.#reads;
    return slots.get(stack ? STACK : kindOf(i)) ?? slots.get(REST)!;
  }
}
