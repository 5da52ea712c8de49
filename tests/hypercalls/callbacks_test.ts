/** Where events, NMIs and failsafes go: set_callbacks, callback_op and nmi_op. */
import assert from "node:assert/strict";
import { park, registers, run, spot, tables } from "../traps/selectors.ts";
import { BAD_POINTERS, type Guest, Rig } from "./rig.ts";

const EFAULT = -14, EINVAL = -22, ENOSYS = -38;
const HC = { iret: 23, setCallbacks: 4, vcpu: 24, nmi: 28, callback: 30, event: 32 };
const REGISTER = 0, UNREGISTER = 1;
const EVENT = 0, FAILSAFE = 1, SYSCALL = 2, NMI = 4, SYSENTER = 5, SYSCALL32 = 7;
const KCS = 0xe019, SEND_NMI = 11, BIND_IPI = 7, SEND = 4;
const NOP = Array(8).fill(0x90);

async function start() {
  const guest = (await Rig.create(1)).addGuest();
  park(guest.enter());
  tables(guest);
  const callback = (cmd: number, type: number, address = 0, { flags = 0, cs = KCS } = {}) =>
    guest.call(HC.callback, cmd, guest.write(guest.va(30), type | flags << 16, cs, address));
  return { guest, callback };
}

/** Sends an event to itself with events unmasked, and runs on. @returns EIP and CS afterwards */
function upcall(guest: Guest): [eip: number, cs: number] {
  const arg = guest.write(guest.va(30), 0, 0);
  assert.equal(guest.call(HC.event, BIND_IPI, arg), 0);
  const port = guest.read(guest.va(30, 4));
  guest.setSharedByte(1, 0);
  assert.equal(guest.call(HC.event, SEND, guest.write(guest.va(30), port)), 0);
  run(guest, NOP);
  const { eip, cs } = registers(guest);
  assert.equal(guest.sharedByte(1), 1, "events are masked on entry");
  return [eip, cs];
}

Deno.test("set_callbacks: always 0, RPL raised to 1 [set_callbacks]", async () => {
  for (const cs of [KCS, KCS & ~3]) {
    const { guest } = await start();
    assert.equal(guest.call(HC.setCallbacks, cs, spot(guest, 1), cs, 0), 0);
    assert.deepEqual(upcall(guest), [spot(guest, 1), KCS]);
  }
  const { guest } = await start();
  for (const bad of [0, 0xf5800000, 0xffffffff]) {
    assert.equal(guest.call(HC.setCallbacks, bad, bad, bad, bad), 0);
  }
});

Deno.test(
  "callback_op: the event callback moves, and cannot be taken away " +
    "[callback_op.register] [callback_op.event] [errno.EINVAL]",
  async () => {
    const { guest, callback } = await start();
    guest.call(HC.setCallbacks, KCS, spot(guest, 1), KCS, 0);
    assert.equal(callback(REGISTER, EVENT, spot(guest, 2), { cs: KCS & ~3 }), 0);
    assert.deepEqual(upcall(guest), [spot(guest, 2), KCS]);
    assert.equal(callback(UNREGISTER, EVENT), EINVAL);
  },
);

Deno.test(
  "callback_op: every type, registered and unregistered " +
    "[callback_op.register] [callback_op.unregister] [callback_op.failsafe] [callback_op.syscall] " +
    "[callback_op.sysenter_deprecated] [callback_op.sysenter] [callback_op.syscall32] " +
    "[errno.ENOSYS] [errno.EINVAL]",
  async () => {
    const { callback } = await start();
    const expected: Record<number, [number, number]> = {
      [EVENT]: [0, EINVAL],
      [FAILSAFE]: [0, EINVAL],
      [SYSCALL]: [ENOSYS, ENOSYS],
      3: [ENOSYS, ENOSYS],
      [NMI]: [0, 0],
      [SYSENTER]: [0, EINVAL],
      6: [ENOSYS, ENOSYS],
      [SYSCALL32]: [0, EINVAL],
      8: [ENOSYS, ENOSYS],
      0xffff: [ENOSYS, ENOSYS],
    };
    for (const [type, [register, unregister]] of Object.entries(expected)) {
      for (const flags of [0, 1, 0xffff]) {
        assert.equal(callback(REGISTER, Number(type), 0x1000, { flags }), register, type);
        assert.equal(callback(UNREGISTER, Number(type), 0, { flags }), unregister, type);
      }
    }
    for (const cmd of [2, 3, 100, 0xffffffff]) assert.equal(callback(cmd, EVENT), EINVAL);
  },
);

Deno.test(
  "callback_op and nmi_op: bad pointers, bad commands " +
    "[callback_op] [nmi_op] [errno.EFAULT] [errno.nmi_op.ENOSYS]",
  async () => {
    const { guest } = await start();
    for (const bad of BAD_POINTERS) {
      assert.equal(guest.call(HC.callback, REGISTER, bad), EFAULT);
      assert.equal(
        guest.call(HC.callback, UNREGISTER, bad),
        EFAULT,
      );
      assert.equal(guest.call(HC.nmi, REGISTER, bad), EFAULT);
      assert.equal(guest.call(HC.nmi, UNREGISTER, bad), 0, "takes no argument");
    }
    for (const cmd of [2, 3, 0xffffffff]) {
      assert.equal(guest.call(HC.nmi, cmd, guest.va(30)), ENOSYS);
    }
  },
);

Deno.test(
  "an NMI enters by the flat kernel selector with events masked, once until iret " +
    "[callback_op.nmi] [nmi_op.register] [nmi_op.unregister] [vcpu_op.send_nmi] [trap.NMI]",
  async () => {
    for (const way of ["callback_op", "nmi_op"]) {
      const { guest, callback } = await start();
      const register = (address: number) =>
        way === "nmi_op"
          ? guest.call(HC.nmi, REGISTER, guest.write(guest.va(30), address, 0))
          : callback(REGISTER, NMI, address, { cs: 0x67 });
      assert.equal(register(spot(guest, 3)), 0);
      guest.setSharedByte(1, 0);
      const nmi = () => guest.call(HC.vcpu, SEND_NMI, 0, 0);
      assert.equal(nmi(), 0);
      run(guest, NOP);
      const inside = registers(guest);
      assert.deepEqual([inside.eip, inside.cs, guest.sharedByte(1)], [spot(guest, 3), KCS, 1], way);
      assert.equal(nmi(), 0);
      run(guest, NOP);
      assert.notEqual(registers(guest).eip, spot(guest, 3), "not within itself");
      // iret, to the endless jump behind it; then the second one comes
      const frame = [0, 0xc0016000 + 7, KCS, 0x202].reverse();
      const push = frame.flatMap((v) => [0x68, v, v >>> 8, v >>> 16, v >>> 24]).map((b) =>
        b & 0xff
      );
      run(guest, [...push, 0xb8, HC.iret, 0, 0, 0, 0xcd, 0x82]);
      assert.equal(registers(guest).eip, spot(guest, 3), "after iret");
      const gone = way === "nmi_op" ? guest.call(HC.nmi, UNREGISTER, 0) : callback(UNREGISTER, NMI);
      assert.equal(gone, 0);
      assert.equal(guest.state, 1);
    }
  },
);
