import { Domain } from "../domains/domain";
export function cpu_commit(): bool { return true; }
export function tlb_flush_all(d: Domain): void {}
export function tlb_flush_current(): void {}
export function tlb_flush_page(address: u64): void {}
