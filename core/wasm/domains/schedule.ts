import { Vcpu } from "./domain";
/** Blocks the running vCPU until an event wakes it. */
export function vcpu_block(): void {}
export function vcpu_wake(v: Vcpu): void {}
