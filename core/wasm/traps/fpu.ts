export function fpu_usable(): bool { return true; }
