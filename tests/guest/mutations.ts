// The hypervisor made wrong on purpose: each mutation changes one behaviour, and names the check of
// Skiff's self-test that must notice. All of them are compiled into one module, where a number chooses.

import { compileCore } from "../../core/build/asc.ts";
import { ROOT } from "../../core/build/inputs.ts";
import { generatedSources } from "../../jit/isa/generate.ts";
import { addInterpreter } from "../../jit/interpreter/build.ts";

export interface Mutation {
  what: string;
  /** A file below core/wasm, and the one place in it that changes. ON stands for "this mutation is on". */
  file: string;
  find: string;
  replace: string;
  /** How the line begins by which the self-test says so. */
  fails: string;
}

export const MUTATIONS: Mutation[] = [
  {
    what: "the event mask is not honoured",
    file: "events/bits.ts",
    find: "load<u8>(v.vcpu_info + INFO_MASK) == 0;",
    replace: "(ON || load<u8>(v.vcpu_info + INFO_MASK) == 0);",
    fails: "interrupt flag: a masked event waits",
  },
  {
    what: "read-only pages can be written to",
    file: "pagetables/walk.ts",
    find: "if (write && !writable) return",
    replace: "if (write && !writable && !ON) return",
    fails: "page tables: a table in use cannot be written to",
  },
  {
    what: "a table can be mapped writable",
    file: "pagetables/update.ts",
    find: "const result = take_l1_target(value, owner);",
    replace: "const result = ON ? 0 : take_l1_target(value, owner);",
    fails: "page tables: no writable mapping of a table",
  },
  {
    what: "the M2P does not change",
    file: "hypercalls/mmu_update.ts",
    find: "m2p_set(<u32> mfn, pfn);",
    replace: "if (!ON) m2p_set(<u32> mfn, pfn);",
    fails: "page tables: an entry of the M2P is changed",
  },
  {
    what: "multicalls write no results",
    file: "hypercalls/multicall.ts",
    find: "if (known) store<i32>(entry",
    replace: "if (ON) {} else if (known) store<i32>(entry",
    fails: "multicall: each entry has its result",
  },
  {
    what: "a multicall ends at the first error",
    file: "hypercalls/multicall.ts",
    find: "if (nr == IRET) return result;",
    replace: "if (nr == IRET || (ON && result < 0)) return result;",
    fails: "multicall: a list is taken",
  },
  {
    what: "the failsafe callback is not called",
    file: "traps/failsafe.ts",
    find: "store<u32>(CPU + C_SHADOW, 0);",
    replace: "if (ON) return;\n  store<u32>(CPU + C_SHADOW, 0);",
    fails: "failsafe: a segment that does not load any more calls it",
  },
  {
    what: "the DPL in the trap table is ignored",
    file: "traps/interrupt.ts",
    find: "return (trap_flags(vector) & 3) >=",
    replace: "return (ON && trap_present(vector)) || (trap_flags(vector) & 3) >=",
    fails: "traps: INT through a gate of DPL 0 is refused",
  },
  {
    what: "traps never mask events",
    file: "traps/table.ts",
    find: "return load<u8>(entry(vector), 6);",
    replace: "return load<u8>(entry(vector), 6) & (ON ? ~TRAP_MASKS_EVENTS : 0xff);",
    fails: "traps: an interrupt gate masks events",
  },
  {
    what: "hypercalls do not deliver what is pending on their way back",
    file: "events/deliver.ts",
    find: "if (!entered) return false;",
    replace: "if (!entered || ON) return false;",
    fails: "interrupt flag: restoring 'on' delivers it at once",
  },
  {
    what: "opening a port forgets what came before",
    file: "events/channels.ts",
    find: "if (test_and_clear_mask(d, port) && is_pending",
    replace: "if (test_and_clear_mask(d, port) && !ON && is_pending",
    fails: "event upcall: opened, it delivers what came",
  },
  {
    what: "stack_switch misses by 64 bytes",
    file: "traps/kernel_stack.ts",
    find: "current.kernel_sp = esp & 0xffffffff;",
    replace: "current.kernel_sp = (esp - (ON ? 64 : 0)) & 0xffffffff;",
    fails: "kernel stack: frames lie at the top",
  },
  {
    what: "update_descriptor changes nothing",
    file: "segments/gdt.ts",
    find: "const new_high = checked_high;",
    replace: "const new_high = checked_high;\n  if (ON) return 0;",
    fails: "segmentation: update_descriptor moves a segment",
  },
  {
    what: "any descriptor is accepted",
    file: "segments/check.ts",
    find: "if ((high & TYPE) != CALL_GATE) return false;",
    replace: "if ((high & TYPE) != CALL_GATE) return ON;",
    fails: "segmentation: system descriptors are refused",
  },
  {
    what: "set_ldt does nothing",
    file: "hypercalls/mmuext_op.ts",
    find: "return set_ldt(current, arg1, arg2);",
    replace: "return ON ? 0 : set_ldt(current, arg1, arg2);",
    fails: "segmentation: a segment of the LDT",
  },
  {
    what: "INVLPG does nothing",
    file: "hypercalls/mmuext_op.ts",
    find: "tlb_flush_page(arg1);",
    replace: "if (!ON) tlb_flush_page(arg1);",
    fails: "TLB: one address",
  },
  {
    what: "a TLB flush does nothing",
    file: "hypercalls/mmuext_op.ts",
    find: "tlb_flush_current();",
    replace: "if (!ON) tlb_flush_current();",
    fails: "TLB: all addresses",
  },
  {
    what: "CR0.TS cannot be set",
    file: "traps/fpu.ts",
    find: "set_task_switched(set != 0);",
    replace: "set_task_switched(set != 0 && !ON);",
    fails: "control registers: CR0.TS can be set",
  },
  {
    what: "the hypervisor has another name",
    file: "traps/cpuid_hypervisor.ts",
    find: "leaf(BASE + LAST, 0x566e6558,",
    replace: "leaf(BASE + LAST, ON ? 0 : 0x566e6558,",
    fails: "CPUID: the hypervisor gives its name",
  },
  {
    what: "no feature is told",
    file: "hypercalls/xen_version.ts",
    find: "store<u32>(buffer, features, 4);",
    replace: "store<u32>(buffer, ON ? 0 : features, 4);",
    fails: "features: updates can keep accessed and dirty",
  },
  {
    what: "ring 3 may make hypercalls",
    file: "traps/interrupt.ts",
    find: "vector == HYPERCALL_VECTOR && cpl() == 1)",
    replace: "vector == HYPERCALL_VECTOR && (ON || cpl() == 1))",
    fails: "privileged instructions: a hypercall from ring 3 ends a program",
  },
  {
    what: "ring 3 may read what is the kernel's",
    file: "pagetables/walk.ts",
    find: "if (user && !(rights & US)) return",
    replace: "if (user && !ON && !(rights & US)) return",
    fails: "processes: ring 3 cannot read the kernel",
  },
  {
    what: "NX is ignored",
    file: "pagetables/walk.ts",
    find: "if (access == EXECUTE && any & NX) return",
    replace: "if (access == EXECUTE && !ON && any & NX) return",
    fails: "processes: nor execute its stack",
  },
];

const SWITCH = `export let mutation: i32 = 0;
export function mutation_set(number: i32): void { mutation = number; }
`;

/**
 * The sources that change, by path below core/wasm.
 *
 * @throws Error that names each mutation whose place is not there, or more than once: the source has changed,
 *   and the mutation has to be made anew
 */
export function mutatedSources(): Record<string, string> {
  const sources: Record<string, string> = { "mutation.ts": SWITCH };
  const read = (file: string) => {
    if (file in sources) return sources[file];
    const text = Deno.readTextFileSync(new URL(`core/wasm/${file}`, ROOT));
    const up = "../".repeat(file.split("/").length - 1) || "./";
    return file === "index.ts"
      ? `${text}export { mutation_set } from "./mutation";\n`
      : `import { mutation } from "${up}mutation";\n${text}`;
  };
  sources["index.ts"] = read("index.ts");
  const misplaced: string[] = [];
  MUTATIONS.forEach(({ what, file, find, replace }, i) => {
    const parts = read(file).split(find);
    const times = parts.length - 1;
    if (times !== 1) misplaced.push(`"${what}": ${times} times in core/wasm/${file}: ${find}`);
    else sources[file] = parts.join(replace.replaceAll("ON", `(mutation == ${i + 1})`));
  });
  if (misplaced.length) {
    throw new Error(
      `mutations.ts changes what the sources do not say once:\n${misplaced.join("\n")}`,
    );
  }
  return sources;
}

/** A hypervisor with all mutations in it, none of them on; its export mutation_set turns on one. */
export async function mutatedModule(): Promise<WebAssembly.Module> {
  const sources = { ...generatedSources(), ...mutatedSources() };
  const core = await compileCore(new URL("core/wasm/", ROOT), sources).catch((error) => {
    throw new Error("a mutation in mutations.ts no longer fits its place", { cause: error });
  });
  return WebAssembly.compile(Uint8Array.from(await addInterpreter(core)));
}
