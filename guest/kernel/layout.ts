// Addresses the kernel and its user programs agree on.

/** The user section is linked to run here. */
export const USER_BASE = 0x08048000;
