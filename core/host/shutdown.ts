/** Why a domain ended. Numbers: Xen public header sched.h, SHUTDOWN_*. */

export const SHUTDOWN = {
  POWEROFF: 0,
  REBOOT: 1,
  SUSPEND: 2,
  CRASH: 3,
  WATCHDOG: 4,
  SOFT_RESET: 5,
} as const;

const NAMES = ["poweroff", "reboot", "suspend", "crash", "watchdog", "soft reset"];

/** How a domain's life came to its end. */
export interface Shutdown {
  /** The reason's number, as the guest or the hypervisor gave it. */
  code: number;
  /** The reason in a word. */
  name: string;
  /** What the guest did, when it was the hypervisor that ended it. */
  crash: string | null;
}

export function shutdownName(code: number): string {
  return NAMES[code] ?? "of the guest's own";
}
