/** The handle of a domain, by which toolstacks know it: 16 bytes, the same in each run. */

export function handleOf(domid: number): Uint8Array {
  const handle = new Uint8Array(16);
  new DataView(handle.buffer).setUint32(12, domid);
  return handle;
}

/** A handle as xl prints it: 8-4-4-4-12 hex digits. */
export function formatUuid(handle: Uint8Array): string {
  const digits = Array.from(handle, (b) => b.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
