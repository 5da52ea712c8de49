/**
 * Pairs of instructions that get a handler of their own: what a handler costs beside its work is the
 * way to the next one, and a comparison's flags need not go through memory to the jump behind it.
 */
export const PAIRS: [string, string][] = [];
