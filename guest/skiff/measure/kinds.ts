/** What the kernel does for `bench`, over and over (SYS.measure). */
export const MEASURE = {
  /** Count 0: hypercalls are put into batches; 1: each goes at once. */
  unbatched: 0,
  /** A hypercall that does nothing. */
  hypercall: 1,
  /** An event to itself, through the upcall and back. */
  event: 2,
  /** An interrupt to another processor, until it has been taken there. */
  ipi: 3,
} as const;
