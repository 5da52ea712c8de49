export const probes: Record<string, () => Uint8Array> = {};
