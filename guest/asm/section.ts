// A section is a list of fragments: instructions, data, labels, alignment. Their addresses are
// settled by `place`, which starts with every jump short and lengthens those that do not reach.

import { branchLength, encodeBranch } from "./encode.ts";
import type { Fixup } from "./encode.ts";
import type { Label } from "./operands.ts";

export interface Bytes {
  kind: "bytes";
  bytes: Uint8Array;
  fixups: Fixup[];
}
export interface Branch {
  kind: "branch";
  mnemonic: string;
  target: Label;
  short: boolean;
  at: number;
}
export type Fragment =
  | Bytes
  | Branch
  | { kind: "align"; to: number; fill: number; at: number }
  | { kind: "label"; label: Label }
  | { kind: "reserve"; size: number };

export class Section {
  readonly fragments: Fragment[] = [];
  address = 0;
  /** Where the bytes are loaded, if that is not where the program sees them. */
  loadAddress = 0;
  size = 0;

  constructor(
    readonly name: string,
    readonly flags: { write?: boolean; execute?: boolean; zero?: boolean },
  ) {}

  /** Adds bytes, which nobody changes afterwards. */
  bytes(bytes: Uint8Array | number[], fixups: Fixup[] = []): Bytes {
    const own = bytes instanceof Uint8Array ? bytes : Uint8Array.from(bytes);
    const fragment: Bytes = { kind: "bytes", bytes: own, fixups };
    this.fragments.push(fragment);
    return fragment;
  }

  branch(mnemonic: string, target: Label): void {
    this.fragments.push({ kind: "branch", mnemonic, target, short: mnemonic !== "call", at: 0 });
  }

  align(to: number, fill = 0): void {
    this.fragments.push({ kind: "align", to, fill, at: 0 });
  }

  label(label: Label): void {
    this.fragments.push({ kind: "label", label });
  }

  reserve(size: number): void {
    this.fragments.push({ kind: "reserve", size });
  }

  /** One pass over the fragments: gives labels their addresses from the lengths known so far. */
  layOut(addresses: Map<Label, number>): void {
    let at = this.address;
    for (const f of this.fragments) {
      switch (f.kind) {
        case "bytes":
          at += f.bytes.length;
          break;
        case "branch":
          f.at = at;
          at += branchLength(f.mnemonic, f.short);
          break;
        case "align":
          f.at = at;
          at += -at & (f.to - 1);
          break;
        case "label":
          addresses.set(f.label, at);
          break;
        case "reserve":
          at += f.size;
          break;
      }
    }
    this.size = at - this.address;
  }

  /** Lengthens the short jumps that do not reach; true if there was one. */
  lengthen(addresses: Map<Label, number>): boolean {
    let changed = false;
    for (const f of this.fragments) {
      if (f.kind !== "branch" || !f.short) continue;
      const distance = addresses.get(f.target)! - (f.at + 2);
      if (distance < -128 || distance > 127) {
        f.short = false;
        changed = true;
      }
    }
    return changed;
  }

  /** The section's bytes with every address filled in. */
  image(addresses: Map<Label, number>): Uint8Array {
    const image = new Uint8Array(this.size);
    const view = new DataView(image.buffer);
    let at = 0;
    for (const f of this.fragments) {
      if (f.kind === "bytes") {
        image.set(f.bytes, at);
        for (const fixup of f.fixups) {
          view.setUint32(at + fixup.at, addresses.get(fixup.label)! + fixup.addend, true);
        }
        at += f.bytes.length;
      } else if (f.kind === "branch") {
        const bytes = encodeBranch(f.mnemonic, f.at, addresses.get(f.target)!, f.short);
        image.set(bytes, at);
        at += bytes.length;
      } else if (f.kind === "align") {
        const length = -f.at & (f.to - 1);
        image.fill(f.fill, at, at + length);
        at += length;
      } else if (f.kind === "reserve") at += f.size;
    }
    return image;
  }
}
