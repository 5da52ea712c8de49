// The interrupt flag, and the way out of the kernel that restores it.

import { asm, bind, code, eax, esp, global, Label, local, u32 } from "../../asm/mod.ts";
import { send_event } from "../../kernel/events.ts";
import { KERNEL_CS } from "../../kernel/selectors.ts";
import { vcpuInfoOf } from "../cpu/cpu.ts";
import { IF, pvCpu, pvIrq } from "../paravirt/ops.ts";
import { critPopped, critStart } from "../paravirt/xen_iret.ts";
import { eventCallback } from "../process/entries.ts";
import { thisCpu } from "../process/task.ts";
import { subject } from "./check.ts";

const vcpu = vcpuInfoOf(thisCpu);
/** An event of this processor's own. */
const eventToSelf = () => void send_event(thisCpu.ipi_port);

/** The stack pointer before and after. */
const balance = global("check_balance", u32), survived = global("check_survived", u32);

/** Goes through the iret operation, to the next instruction, with interrupts on. */
const leave = code("check_leave", () => {
  const on = new Label("on");
  asm.mov(balance, esp);
  asm.push(IF);
  asm.push(KERNEL_CS);
  asm.push(on);
  asm.jmp(pvCpu.slot("iret"));
  bind(on);
  asm.sub(balance, esp);
  asm.ret();
});

/**
 * An upcall in the middle of the way out, as the hypervisor would make it: on top of the frame that
 * was about to be returned from lies another one that says where the way out was interrupted.
 */
const interrupted = (name: string, where: Label, eaxSaved: boolean) =>
  code(name, () => {
    const on = new Label("on");
    asm.mov(balance, esp);
    asm.push(IF);
    asm.push(KERNEL_CS);
    asm.push(on);
    asm.mov(eax, eaxSaved ? 0 : 0x1234);
    if (eaxSaved) asm.push(0x1234);
    asm.push(IF);
    asm.push(KERNEL_CS);
    asm.push(where);
    asm.jmp(eventCallback);
    bind(on);
    asm.mov(survived, eax);
    asm.sub(balance, esp);
    asm.ret();
  });
const before_pop = interrupted("check_before_pop", critStart, true);
const after_pop = interrupted("check_after_pop", critPopped, false);

export const check_flags = subject("interrupt flag", (check) => {
  check("off in the kernel", pvIrq.call.save_fl().eq(0));
  pvIrq.call.irq_enable();
  check("on", pvIrq.call.save_fl().eq(IF));
  pvIrq.call.irq_disable();
  check("off again", pvIrq.call.save_fl().eq(0));

  const before = local(thisCpu.ipis);
  eventToSelf();
  check(
    "a masked event waits",
    thisCpu.ipis.eq(before).both(() => vcpu.evtchn_upcall_pending.ne(0)),
  );
  pvIrq.call.restore_fl(0);
  check("restoring 'off' lets it wait", thisCpu.ipis.eq(before));
  pvIrq.call.restore_fl(IF);
  check("restoring 'on' delivers it at once", thisCpu.ipis.eq(before.plus(1)));
  pvIrq.call.irq_disable();
  eventToSelf();
  pvIrq.call.irq_enable();
  check("so does unmasking", thisCpu.ipis.eq(before.plus(2)));
  eventToSelf();
  check("unmasked, an event comes before the next instruction", thisCpu.ipis.eq(before.plus(3)));
  pvIrq.call.irq_disable();

  leave();
  check("the way out turns it on", pvIrq.call.save_fl().eq(IF).both(() => balance.eq(0)));
  pvIrq.call.irq_disable();
  eventToSelf();
  leave();
  check("and takes what is pending", thisCpu.ipis.eq(before.plus(4)).both(() => balance.eq(0)));
  pvIrq.call.irq_disable();
  for (const [name, path] of [["before", before_pop], ["after", after_pop]] as const) {
    const fixups = local(thisCpu.iret_fixups);
    survived.set(0);
    path();
    check(
      `an upcall in the middle of it, ${name} EAX is restored`,
      thisCpu.iret_fixups.eq(fixups.plus(1)).both(() => balance.eq(0)).both(() =>
        survived.eq(0x1234)
      ),
    );
    pvIrq.call.irq_disable();
  }
});
