// Frames that instructions were decoded from.

/** To be called after machine memory was written other than by the guest's own instructions. */
export function frame_written(mfn: u32, offset: u32, length: u32): void {}
