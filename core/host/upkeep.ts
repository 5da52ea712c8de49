/** What is done for the domains of a machine between slices: their rings, and those of them that ended. */
import type { TimeMode } from "./clock.ts";
import type { Core } from "./core.ts";
import type { Domain } from "./domain.ts";
import { FAILED, type Shutdown, shutdownName } from "./shutdown.ts";
import type { Stepper } from "./stepper.ts";
import type { Xenstore } from "./xenstore/daemon.ts";

/** Slices after which all domains' rings are looked at, whether they called or not: they are shorter in wall time. */
const SWEEP: Record<TimeMode, number> = { virtual: 64, wall: 1024 };
/** domain_state of a domain that has shut down. */
const DOM_SHUTDOWN = 2;

export class Upkeep {
  /** All domains, by their numbers. */
  readonly domains = new Map<number, Domain>();
  /** Domains whose rings are to be looked at. */
  readonly due = new Set<number>();
  #rounds = 0;
  readonly #sweep: number;
  /** What is still being done about domains that ended. */
  readonly #unsettled = new Set<Promise<void>>();

  constructor(
    private readonly core: Core,
    private readonly xenstore: Xenstore,
    private readonly stepper: Stepper,
    time: TimeMode,
    private readonly reportError: (error: unknown) => void,
  ) {
    this.#sweep = SWEEP[time];
  }

  /**
   * Looks after the rings of the domains that called, and finds those that ended. Now and then, and
   * before all falls asleep, after everybody's: a guest may forget to call.
   *
   * @param idle no guest has anything to do
   */
  service(idle: boolean): void {
    const { exports } = this.core;
    const { due } = this;
    for (let domid; (domid = exports.host_next_caller()) !== 0;) due.add(domid);
    if (idle || ++this.#rounds % this.#sweep === 0) {
      for (const domid of this.domains.keys()) due.add(domid);
    }
    this.xenstore.service(due);
    for (const domid of due) {
      const domain = this.domains.get(domid);
      if (domain?.running) this.#serve(domain);
      if (!domain?.console.waitsForRoom) due.delete(domid);
    }
  }

  /** Looks after one domain, that called or may have. */
  #serve(domain: Domain): void {
    domain.console.service();
    if (this.core.exports.domain_state(domain.id) >= DOM_SHUTDOWN) this.#ended(domain);
  }

  /** Takes note of a domain that has shut down or crashed. */
  #ended(domain: Domain): void {
    const { exports } = this.core;
    const code = exports.domain_shutdown_code(domain.id);
    const crash = this.core.string(exports.domain_crash_reason(domain.id)) || null;
    this.stepper.end();
    void domain.console.finish();
    this.end(domain, { code, name: shutdownName(code), crash });
  }

  /** Tells that a domain has ended, and remembers what is being done about it. */
  end(domain: Domain, shutdown: Shutdown): void {
    const told = async () => await domain.end(shutdown);
    const work = told().catch(this.reportError).finally(() => this.#unsettled.delete(work));
    this.#unsettled.add(work);
  }

  /** The core failed, which no guest should be able to bring about: everything ends. */
  failed(error: unknown): void {
    const crash = `the hypervisor failed: ${error instanceof Error ? error.stack : error}`;
    for (const domain of this.domains.values()) {
      if (domain.running) {
        this.end(domain, { code: FAILED, name: "failure of the hypervisor", crash });
      }
    }
  }

  /** What is being done about domains that ended. */
  get unsettled(): Iterable<Promise<void>> {
    return this.#unsettled;
  }

  /** In virtual time a guest must not see how fast its output is read: everything waits with it. */
  async waitForSlowReaders(): Promise<void> {
    for (const domain of this.domains.values()) {
      if (domain.console.congested) await domain.console.drained();
    }
    for (const work of this.#unsettled) await work;
  }
}
