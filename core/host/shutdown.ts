/** Why a domain ended. Numbers: Xen public header sched.h, SHUTDOWN_*. */

export const SHUTDOWN = {
  POWEROFF: 0,
  REBOOT: 1,
  SUSPEND: 2,
  CRASH: 3,
  WATCHDOG: 4,
  SOFT_RESET: 5,
} as const;

/** In place of a reason: the hypervisor failed, which is never a guest's doing alone. */
export const FAILED = -2;
/** In place of a reason: the host destroyed the domain. */
export const DESTROYED = -1;

const NAMES = ["poweroff", "reboot", "suspend", "crash", "watchdog", "soft reset"];

/** How a domain's life came to its end. */
export interface Shutdown {
  /** The reason's number, as the guest or the hypervisor gave it; or FAILED, DESTROYED. */
  code: number;
  /** The reason in a word. */
  name: string;
  /** What the guest did, when it was the hypervisor that ended it. */
  crash: string | null;
}

export function shutdownName(code: number): string {
  return NAMES[code] ?? "of the guest's own";
}
