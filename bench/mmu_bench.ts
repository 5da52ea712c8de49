/** `deno bench`: page tables, from guest code. */
import { operation } from "./operations/live.ts";

const entries = { group: "entries", unit: "ns" } as const;
operation("empty", "call of an empty function, the loop's own cost", {
  ...entries,
  baseline: true,
});
operation("uvm", "update_va_mapping, own page read-only or writable", entries);
operation("mmu1", "mmu_update of 1, there and back", entries);

const batches = { group: "batches of entries", unit: "µs" } as const;
operation("mmu8", "mmu_update of 8, there and back", { ...batches, baseline: true });
operation("mmu64", "mmu_update of 64, there and back", batches);

const pins = { group: "pin and unpin", unit: "µs" } as const;
operation("pinL1", "an L1 with 512 entries", { ...pins, as: "pin", baseline: true });
operation("pinL2", "an L2 with 4 such", pins);
operation("pinL3", "an L3 with 4 such L2s", pins);

const spaces = { group: "address spaces", unit: "ns" } as const;
operation("cr3", "CR3 switch by NEW_BASEPTR", { ...spaces, baseline: true });
operation("cr3touch", "the same, then 16 pages touched", spaces);
operation("ctxsw", "context switch: stack_switch, 3 update_descriptor, NEW_BASEPTR", spaces);
