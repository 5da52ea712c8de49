/** Why a block runs in the tier that it runs in. */
import type { ProfiledBlock } from "../../core/host/profile.ts";
import { MODE_CODE32, MODE_CODE_FLAT } from "../../core/wasm/layout.ts";

const hex = (n: number) => n.toString(16).padStart(8, "0");
const times = (n: number) => Math.round(n) === 1 ? "once" : `${Math.round(n)} times`;

/** In words, of one block as a profile has it. */
export function why({ domid, mode, standing, instructions }: ProfiledBlock): string {
  if (domid < 0) {
    return "never kept: run under TF or a breakpoint, across a page's end, or close to a segment's limit";
  }
  if (!(mode & MODE_CODE_FLAT)) return "not translated: CS has a base or a limit";
  const width = mode & MODE_CODE32 ? "" : ", 16-bit code";
  if (!standing) return `not translated${width}: its records are gone, or nothing is translated`;
  const { kind, seen, region, exits } = standing;
  const handed = instructions.reduce((sum, i) => sum + i.handed, 0);
  const also = handed ? `; ${times(handed)} gone on with by the interpreter` : "";
  switch (kind) {
    case "entered":
    case "inside":
    case "waiting": {
      const where = `in the region at ${hex(region?.eip ?? 0)} of ${region?.blocks.length} blocks`;
      const way = kind === "inside"
        ? ", which is entered elsewhere"
        : kind === "waiting"
        ? ", which is being built"
        : "";
      const left = exits
        ? `, left for elsewhere some ${Math.round(exits.direct)} times by jumps, ` +
          `${Math.round(exits.indirect)} by indirect ones, ${Math.round(exits.return)} by returns`
        : "";
      return `translated ${where}${way}${left}${also}`;
    }
    case "cold":
      return `not translated${width}: too cold, slices ended there ${times(seen)}`;
    case "refused":
      return `not translated${width}: holds an instruction that only the interpreter does`;
    case "evicted":
      return `no longer translated: made room for others${also}`;
    case "overwritten":
      return `no longer translated: its code was written over${also}`;
  }
}
