/** In TrapFrame.vector: a fault of the last IRET. No gate has this number. */
export const BAD_IRET = 0x101;
