// Numbers of the system calls: Linux's where it has the call, and our own from 200.

export const SYS = {
  exit: 1,
  fork: 2,
  read: 3,
  write: 4,
  close: 6,
  waitpid: 7,
  exec: 11,
  getpid: 20,
  kill: 37,
  pipe: 42,
  brk: 45,
  signal: 48,
  dup2: 63,
  mmap: 90,
  munmap: 91,
  signal_return: 119,
  yield: 158,
  sleep: 162,
  set_tls: 243,
  /** (kind, argument, buffer, bytes): what the kernel says about itself, as text. */
  report: 200,
  /** (kind, count): does something in the kernel that many times. */
  measure: 201,
  /** (): the checks; how many failed. */
  selftest: 202,
  /** (pid): who is ended by ^C. */
  foreground: 203,
  /** (reason): the domain ends. */
  shutdown: 204,
  /** (where): system time in ns, 64 bits. */
  time: 205,
  /** (): how far from where it should be the frame of this call is. */
  probe: 206,
} as const;
export const SYSTEM_CALLS = 256;
