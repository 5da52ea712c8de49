/** `deno bench`: hypercalls and multicalls, from guest code. */
import { operation } from "./operations/live.ts";

const single = { group: "hypercall", unit: "ns" } as const;
operation("empty", "call of an empty function, the loop's own cost", { ...single, baseline: true });
operation("version", "null hypercall: xen_version", { ...single, as: "hc_null" });
operation("iret_hc", "iret hypercall, ring 1 to ring 1", single);
operation("iret", "native IRET, ring 1 to ring 1", single);

const eight = { group: "multicall", unit: "ns" } as const;
operation("version8", "8 xen_version one by one", { ...eight, baseline: true });
operation("list8", "multicall of 8 by a list made before", { ...eight, as: "mc8" });
operation("mc1", "multicall of 1", eight);
operation("mc8", "multicall of 8", eight);
operation("mc32", "multicall of 32", eight);
