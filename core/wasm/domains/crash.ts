import { Domain } from "./domain";
/** Ends a domain for what its guest did: SHUTDOWN_crash, with a reason for the report. */
export function domain_crash(d: Domain, reason: string): void {}
export function domain_shutdown(d: Domain, code: u32): void {}
