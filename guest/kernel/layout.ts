// Addresses the kernel and its user programs agree on.

/** The user section is linked to run here. */
export const USER_BASE = 0x08048000;
/** Pages that appear when they are first touched; the user stack is at their end. */
export const USER_DEMAND = 0x08100000, USER_DEMAND_END = 0x08180000;
/** Kernel addresses that get a page when they are first touched. */
export const KERNEL_DEMAND = 0xe0000000, KERNEL_DEMAND_END = 0xe0200000;
