// The bytes of the instruction being decoded: taken one after the other, up to where they end.

let start: usize = 0;
let at: usize = 0;
let end: usize = 0;
/** More bytes were wanted than there are. */
export let overrun: bool = false;

/** Begins an instruction at `p`, of which bytes below `limit` may be read, and 15 at the most. */
// @ts-ignore: decorator
@inline export function stream_begin(p: usize, limit: usize): void {
  start = p;
  at = p;
  end = limit < p + 15 ? limit : p + 15;
  overrun = false;
}

/** Bytes taken so far. */
// @ts-ignore: decorator
@inline export function stream_taken(): u32 {
  return <u32> (at - start);
}

/** True if the bytes ended because of `limit`, not because an instruction has 15 at the most. */
// @ts-ignore: decorator
@inline export function stream_cut(limit: usize): bool {
  return limit < start + 15;
}

export function byte(): u32 {
  if (at >= end) {
    overrun = true;
    return 0;
  }
  return load<u8>(at++);
}
export function word(): u32 {
  const low = byte();
  return low | (byte() << 8);
}
export function dword(): u32 {
  const low = word();
  return low | (word() << 16);
}
export function qword(): u64 {
  const low: u64 = dword();
  return low | (<u64> dword() << 32);
}
