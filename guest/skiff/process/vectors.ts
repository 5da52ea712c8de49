// Numbers in TrapFrame.vector.

/** The gate of system calls. */
export const SYSCALL = 0x80;
/** No gate has these: an upcall, a fault of the last IRET. */
export const UPCALL = 0x100, BAD_IRET = 0x101;
