export function deliver_fault(): void {}
export function deliver_trap(vector: u32): void {}
export function deliver_step(): void {}
