/** Numbers of signals, Linux's. */
export const SIG = {
  interrupt: 2,
  illegal: 4,
  trap: 5,
  bus: 7,
  arithmetic: 8,
  kill: 9,
  segment: 11,
  pipe: 13,
} as const;
