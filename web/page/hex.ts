/** Numbers as they are written in the panels. */

/** Eight digits, as addresses have. */
export function hex8(n: number): string {
  return (n >>> 0).toString(16).padStart(8, "0");
}

/** As many digits as it takes. */
export function hex(n: number): string {
  return (n >>> 0).toString(16);
}
