import { Domain } from "../domains/domain";
export function send_event(d: Domain, port: u32): void {}
