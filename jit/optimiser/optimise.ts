/**
 * What the second tier does to a module of regions: passes of Binaryen, chosen by measuring
 * (docs/performance.md, section 8). Binaryen itself is handed in, as not every program has it.
 */
import type Binaryen from "binaryen";

/** What is used of Binaryen's JavaScript interface. */
export type BinaryenApi = Pick<
  typeof Binaryen,
  | "Features"
  | "readBinary"
  | "setOptimizeLevel"
  | "getOptimizeLevel"
  | "setShrinkLevel"
  | "getShrinkLevel"
>;

/** Speed first, size not at all. */
const OPTIMISE_LEVEL = 3;
const SHRINK_LEVEL = 0;

/** What the translator's modules are written in, and engines that run them know. */
const FEATURES = [
  "TailCall",
  "SIMD128",
  "BulkMemory",
  "BulkMemoryOpt",
  "SignExt",
  "MutableGlobals",
] as const;

const PASSES = [
  "ssa-nomerge",
  "dce",
  "remove-unused-names",
  "remove-unused-brs",
  "remove-unused-names",
  "optimize-instructions",
  "heap-store-optimization",
  "pick-load-signs",
  "precompute-propagate",
  "code-pushing",
  "simplify-locals-nostructure",
  "vacuum",
  "reorder-locals",
  "remove-unused-brs",
  "merge-locals",
  "coalesce-locals",
  "local-cse",
  "simplify-locals",
  "vacuum",
  "reorder-locals",
  "coalesce-locals",
  "reorder-locals",
  "vacuum",
  "code-folding",
  "merge-blocks",
  "remove-unused-brs",
  "remove-unused-names",
  "merge-blocks",
  "precompute-propagate",
  "optimize-instructions",
  "heap-store-optimization",
  "rse",
  "vacuum",
];

/**
 * Optimises a module that jit/translator/build.ts made. Loads and stores keep their order, as far as either could
 * be seen, and branches keep their hints.
 *
 * @param bytes the module's
 * @returns those of one with the same imports, exports and behaviour
 * @throws what Binaryen throws at a module that it cannot read
 */
export function optimise(
  binaryen: BinaryenApi,
  bytes: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const module = binaryen.readBinary(bytes);
  // the levels are Binaryen's and not the module's: a build may use it on the same thread
  const [level, shrink] = [binaryen.getOptimizeLevel(), binaryen.getShrinkLevel()];
  try {
    module.setFeatures(FEATURES.reduce<number>((all, name) => all | binaryen.Features[name], 0));
    binaryen.setOptimizeLevel(OPTIMISE_LEVEL);
    binaryen.setShrinkLevel(SHRINK_LEVEL);
    module.runPasses(PASSES);
    return Uint8Array.from(module.emitBinary());
  } finally {
    binaryen.setOptimizeLevel(level);
    binaryen.setShrinkLevel(shrink);
    module.dispose();
  }
}
