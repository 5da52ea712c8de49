/** Events, time, vCPUs and domains. */
import { rowsOf, type Section } from "../row.ts";

export const EVENTS: Section = {
  title: "Events, time, domains",
  about: "What is delivered, when, and to whom.",
  rows: [
    ...rowsOf("event", {
      two_level: ["pending, mask, selector, upcall, step by step", "evt.sel* evt.ipi* upcall.*"],
      fifo: "the FIFO ABI: queues by priority, links, missing words",
      model: "an independent model of event channels, in step",
      pollers: ["a poller is woken by a masked port too", "sched.poll_pending*"],
      close: [
        "the peer is unbound, pending is cleared, the mask is left",
        "evt.inter_close evt.inter_peer* evt.close_clears*",
      ],
      ipi: ["between vCPUs", "smp.ipi* smp.send* smp.upcalls*"],
      virq_vcpu: ["VIRQs of a vCPU", "smp.virq_timer* evt.virq*"],
      virq_global: ["VIRQs of the domain", "evt.virq_global* smp.virq_global*"],
      interdomain: "between two guests",
      mask: [
        "the upcall mask, any byte",
        "upcall.masked* upcall.pending_byte* upcall.stay* upcall.while*",
      ],
      unmask: [
        "unmasked by a store, delivered at the next entry",
        "upcall.store_unmask* upcall.after_force upcall.port_*",
      ],
      spurious: ["registering a vcpu_info brings an upcall", "vcpu.reg_info_upcall"],
      block: ["blocking unmasks and waits", "sched.block*"],
    }),
    ...rowsOf("time", {
      pvclock: ["version odd while it changes, scale, TSC", "start.time timer.monotonic"],
      wallclock: "wall time at system time 0",
      runstate: ["four states that add up", "vcpu.runstate* vcpu.get_runstate*"],
      singleshot: ["one-shot timers", "timer.oneshot timer.singleshot*"],
      periodic: ["periodic timers", "timer.periodic*"],
      watchdog: ["fires with reason 4", "sched.watchdog* crash.watchdog*"],
      virtual: "two runs with the same input are the same run",
    }),
    ...rowsOf("domain", {
      start: ["registers, start_info, tables at the start", "start.*"],
      several: "several in one machine, each ending for itself",
      fair: "fair shares between spinning vCPUs and domains",
      crash: ["the domain ends with reason 3 and a report", "crash.*"],
      pause: "paused, unpaused",
      destroy: "destroyed while running; everything is given back",
      destroy_mapped: "destroyed while others have its frames mapped",
      vcpus: ["up to 32 vCPUs", "smp.*"],
      command_line: "several guests on one command line, `--and`",
      load: "64 domains that exchange events and grants",
      model: "an independent model of page_info, in step",
    }),
  ],
};
