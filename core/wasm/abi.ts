// What a host may rely on: the exports named in docs/embedding.md, with the meaning told there.

import { MAILBOX, MAILBOX_SIZE } from "./layout";

/** The number of that set. It grows by one whenever an export or an import changes its meaning or goes. */
const ABI_VERSION: i32 = 1;

/** @returns the version of the interface between this module and its host, from 1 */
export function abi_version(): i32 {
  return ABI_VERSION;
}

/**
 * Whether an array that the host names lies in the mailbox, so that a wrong address neither traps nor
 * reaches what is the hypervisor's own.
 *
 * @param at its address
 * @param length bytes
 */
export function in_mailbox(at: usize, length: u64): bool {
  const from = <u64> at;
  return from >= <u64> MAILBOX && from + length <= <u64> MAILBOX + MAILBOX_SIZE;
}
