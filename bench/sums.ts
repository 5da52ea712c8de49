/**
 * What the compute kernels come to on a processor, for hosts that run no i386 programs: iterations and checksums
 * of `guest/native "rounds=1 div=200"`, as printed under qemu-i386 7.2 of Debian's qemu-user. kernel_pv_test.ts
 * compares them with this host's processor where that runs the program.
 */
export const SUMS_DIV = 200;

export const SUMS: Record<string, { iterations: number; sum: string }> = {
  alu: { iterations: 150000, sum: "4a75fd90" },
  crc32: { iterations: 2, sum: "67d3f7d9" },
  sieve: { iterations: 1, sum: "0004840b" },
  sha256: { iterations: 1, sum: "2fc627ca" },
  chase: { iterations: 15000, sum: "1707e1b4" },
  dhry: { iterations: 7500, sum: "00064b54" },
  qsort: { iterations: 1, sum: "0019592c" },
  fib: { iterations: 1, sum: "0000b520" },
  icall: { iterations: 50000, sum: "feeee3ef" },
  switch: { iterations: 100000, sum: "a724fcfe" },
  movsd: { iterations: 2, sum: "000000c7" },
  bcopy: { iterations: 1, sum: "000000c7" },
};
