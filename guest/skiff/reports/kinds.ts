/** What the kernel can be asked to tell about itself. */
export const REPORT = {
  help: 0,
  ps: 1,
  maps: 2,
  features: 3,
  cpuid: 4,
  mem: 5,
  events: 6,
  multicall: 7,
  pte: 8,
} as const;
