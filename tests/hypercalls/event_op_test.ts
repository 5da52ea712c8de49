/** event_channel_op: each sub-operation's errors, structures, and the old form (delivery: tests/events). */
import assert from "node:assert/strict";
import { BAD_POINTERS, BASE, type Guest, PAGES, Rig, SELF } from "./rig.ts";

const EPERM = -1, ENOENT = -2, ESRCH = -3, EFAULT = -14, EBUSY = -16, EEXIST = -17, EINVAL = -22;
const ENOSPC = -28, ENOSYS = -38, EOPNOTSUPP = -95;
const EVENT = 32, COMPAT = 16;
const BIND = 0, VIRQ = 1, PIRQ = 2, CLOSE = 3, SEND = 4, STATUS = 5, ALLOC = 6, IPI = 7;
const VCPU = 8, UNMASK = 9, RESET = 10, INIT_CONTROL = 11, EXPAND = 12, PRIORITY = 13, CONT = 14;
const TIMER = 0, CONSOLE = 2;

async function start() {
  const rig = await Rig.create(2);
  const guest = rig.addGuest({ vcpus: 2 });
  const other = rig.addGuest();
  guest.enter();
  const op = (cmd: number, ...words: number[]) => guest.call(EVENT, cmd, put(guest, ...words));
  /** An operation that gives a port, which stands at a word of its structure. */
  const port = (at: number, cmd: number, ...words: number[]) => {
    const result = op(cmd, ...words, 0, 0, 0);
    return result === 0 ? guest.read(guest.va(20, at * 4)) : result;
  };
  return { rig, guest, other, op, port };
}
const put = (guest: Guest, ...words: number[]) => guest.write(guest.va(20), ...words);
const domids = (own: number, remote: number) => own | remote << 16;

Deno.test("alloc_unbound: the lowest free port, for oneself only, for any remote [event_channel_op.alloc_unbound] [event_channel_op] [errno.EPERM] [errno.ESRCH]", async () => {
  const { guest, other, op, port } = await start();
  const alloc = (own: number, remote: number) => port(1, ALLOC, domids(own, remote));
  assert.deepEqual([alloc(SELF, 0), alloc(guest.domid, SELF), alloc(SELF, 1234)], [1, 2, 3]);
  assert.equal(op(CLOSE, 2), 0);
  assert.equal(alloc(SELF, 0), 2);
  assert.deepEqual([alloc(0, 0), alloc(other.domid, 0), alloc(1234, 0)], [EPERM, EPERM, ESRCH]);
});

Deno.test("bind_virq: per vCPU or global, once each [event_channel_op.bind_virq] [event.virq_vcpu] [event.virq_global] [event_channel_op] [errno.EINVAL] [errno.ENOENT] [errno.EEXIST]", async () => {
  const { port } = await start();
  const virq = (n: number, vcpu: number) => port(2, VIRQ, n, vcpu);
  assert.deepEqual([virq(TIMER, 0), virq(TIMER, 1), virq(TIMER, 0)], [1, 2, EEXIST]);
  for (const n of [1, 7, 13]) assert.ok(virq(n, 1) > 0, "of one vCPU");
  for (const n of [CONSOLE, 3, 4, 6, 12, 16, 23]) {
    assert.equal(virq(n, 1), EINVAL, "global ones begin at vCPU 0");
    assert.ok(virq(n, 0) > 0);
    assert.equal(virq(n, 0), EEXIST);
  }
  assert.deepEqual([virq(24, 0), virq(0xffffffff, 0)], [EINVAL, EINVAL]);
  assert.deepEqual([virq(TIMER, 2), virq(TIMER, 0xffffffff)], [ENOENT, ENOENT]);
});

Deno.test("bind_ipi, bind_pirq, bind_vcpu: which ports may go to which vCPU [event_channel_op.bind_ipi] [event_channel_op.bind_pirq] [event_channel_op.bind_vcpu] [event_channel_op] [errno.ENOENT] [errno.EINVAL] [errno.EPERM]", async () => {
  const { op, port } = await start();
  const ipi = port(1, IPI, 1);
  assert.deepEqual([port(1, IPI, 2), port(1, IPI, 0xffffffff)], [ENOENT, ENOENT]);
  assert.deepEqual([op(PIRQ, 5, 0, 0), op(PIRQ, 100000, 0, 0)], [EPERM, EINVAL]);
  const [timer, global] = [port(2, VIRQ, TIMER, 0), port(2, VIRQ, CONSOLE, 0)];
  const unbound = port(1, ALLOC, domids(SELF, 0));
  assert.deepEqual([op(VCPU, unbound, 1), op(VCPU, global, 1)], [0, 0]);
  assert.deepEqual([op(VCPU, ipi, 0), op(VCPU, timer, 1)], [EINVAL, EINVAL]);
  assert.deepEqual([op(VCPU, unbound, 2), op(VCPU, 0, 0), op(VCPU, 77, 0)], [
    ENOENT,
    EINVAL,
    EINVAL,
  ]);
  assert.equal(op(STATUS, SELF, unbound, 0, 0, 0, 0), 0);
});

Deno.test("bind_interdomain: only what waits for us; the new port is pending at once [event_channel_op.bind_interdomain] [event.interdomain] [event_channel_op] [errno.EINVAL] [errno.ESRCH]", async () => {
  const { guest, other, port } = await start();
  const at = (g: Guest, remote: number) => {
    const arg = put(g, domids(SELF, remote), 0);
    assert.equal(g.enter().call(EVENT, ALLOC, arg), 0);
    return g.read(g.va(20, 4));
  };
  const forUs = at(other, guest.domid), forOthers = at(other, 1234);
  guest.enter();
  assert.equal(port(2, BIND, other.domid, forOthers), EINVAL);
  assert.equal(port(2, BIND, other.domid, 77), EINVAL);
  assert.deepEqual([port(2, BIND, 0, 1), port(2, BIND, 1234, 1)], [EINVAL, ESRCH]);
  const local = port(2, BIND, other.domid, forUs);
  assert.equal(local, 1, "a refused one keeps no port");
  assert.equal(guest.shared(0x800) >> local & 1, 1);
  assert.equal(port(2, BIND, other.domid, forUs), EINVAL, "bound already");
  assert.equal(guest.call(EVENT, SEND, put(guest, local)), 0);
  assert.equal(other.shared(0x800) >> forUs & 1, 1);
});

Deno.test("close, send, unmask: ports that are not there; VIRQs are not sent to [event_channel_op.close] [event_channel_op.send] [event_channel_op.unmask] [event_channel_op] [errno.EINVAL]", async () => {
  const { guest, op, port } = await start();
  const unbound = port(1, ALLOC, domids(SELF, 0)), virq = port(2, VIRQ, TIMER, 0);
  for (const cmd of [CLOSE, SEND]) {
    for (const none of [0, 50, 1024, 5000, 0xffffffff]) {
      assert.equal(op(cmd, none), EINVAL, `${cmd} ${none}`);
    }
  }
  assert.deepEqual([op(SEND, unbound), op(SEND, virq)], [0, EINVAL]);
  assert.deepEqual([op(UNMASK, 0), op(UNMASK, unbound)], [0, 0]);
  assert.equal(op(UNMASK, 5000), EINVAL);
  guest.setShared(0x800, 1 << unbound);
  guest.setShared(0x880, 1 << unbound);
  assert.deepEqual([op(CLOSE, unbound), op(CLOSE, unbound)], [0, EINVAL]);
  assert.deepEqual(
    [guest.shared(0x800), guest.shared(0x880)],
    [0, 1 << unbound],
    "its mask is left",
  );
});

Deno.test("status: of each kind, of oneself [event_channel_op.status] [event_channel_op] [errno.EPERM] [errno.ESRCH] [errno.EINVAL]", async () => {
  const { guest, other, port } = await start();
  const status = (domid: number, n: number) => {
    const result = guest.call(EVENT, STATUS, put(guest, domid, n, 0x77, 0x77, 0x77, 0x77));
    return result || [2, 3, 4].map((word) => guest.read(guest.va(20, word * 4)));
  };
  const ports = [port(1, ALLOC, domids(SELF, 0)), port(1, IPI, 1), port(2, VIRQ, TIMER, 1)];
  assert.deepEqual((status(SELF, ports[0]) as number[]).slice(0, 2), [1, 0]);
  assert.deepEqual((status(SELF, ports[1]) as number[]).slice(0, 2), [5, 1]);
  assert.deepEqual(status(guest.domid, ports[2]), [4, 1, TIMER]);
  const itself = port(1, ALLOC, domids(SELF, SELF));
  assert.deepEqual(status(SELF, itself), [1, 0, guest.domid], "how a domain learns its number");
  assert.equal((status(SELF, 60) as number[])[0], 0, "closed");
  assert.deepEqual([status(SELF, 5000), status(0, 1), status(other.domid, 1), status(1234, 1)], [
    EINVAL,
    EPERM,
    EPERM,
    ESRCH,
  ]);
});

Deno.test("reset closes all; reset_cont has nothing to go on with [event_channel_op.reset] [event_channel_op.reset_cont] [event_channel_op] [errno.EPERM] [errno.ESRCH] [errno.EBUSY]", async () => {
  const { guest, other, op, port } = await start();
  for (let n = 0; n < 5; n++) port(1, IPI, 0);
  for (const cmd of [RESET, CONT]) {
    assert.deepEqual([op(cmd, 0), op(cmd, other.domid), op(cmd, 1234)], [EPERM, EPERM, ESRCH]);
  }
  assert.equal(op(CONT, SELF), EBUSY);
  assert.equal(port(1, IPI, 0), 6);
  assert.equal(op(RESET, SELF), 0);
  assert.equal(port(1, IPI, 0), 1);
  assert.equal(op(RESET, guest.domid), 0);
});

Deno.test("the FIFO ABI is asked for before it is used [event_channel_op.init_control] [event_channel_op.expand_array] [event_channel_op.set_priority] [event_channel_op] [errno.EOPNOTSUPP] [errno.ENOSYS] [errno.EINVAL] [errno.ENOENT]", async () => {
  const { guest, op, port } = await start();
  const unbound = port(1, ALLOC, domids(SELF, 0));
  assert.equal(op(EXPAND, guest.mfns[40], 0), EOPNOTSUPP);
  assert.deepEqual([op(PRIORITY, unbound, 3), op(PRIORITY, 5000, 3)], [ENOSYS, EINVAL]);
  const control = (mfn: number, offset: number, vcpu: number) =>
    op(INIT_CONTROL, mfn, 0, offset, vcpu, 0, 0);
  assert.equal(control(guest.mfns[40], 0, 2), ENOENT);
  for (const offset of [1, 4, 4096]) {
    assert.equal(control(guest.mfns[40], offset, 0), EINVAL, `${offset}`);
  }
  assert.equal(control(guest.mfns[2], 0, 0), EINVAL, "a table");
  assert.equal(op(EXPAND, guest.mfns[41], 0), EOPNOTSUPP, "none of these counted");
});

Deno.test("a structure that cannot be read or written; numbers beyond [event_channel_op] [errno.EFAULT] [errno.ENOSYS]", async () => {
  const { guest, op } = await start();
  for (let cmd = 0; cmd <= CONT; cmd++) {
    for (const bad of BAD_POINTERS) assert.equal(guest.call(EVENT, cmd, bad), EFAULT, `${cmd}`);
  }
  for (const cmd of [15, 16, 100, 0xffffffff]) assert.equal(op(cmd, 0), ENOSYS);
  // read-only: the port that was made stays, as on Xen
  const end = BASE + PAGES * 4096 - 8;
  assert.equal(
    guest.call(
      14,
      guest.va(PAGES - 1),
      guest.mfns[PAGES - 1] << 12 | 1,
      guest.mfns[PAGES - 1] >>> 20,
      2,
    ),
    0,
  );
  assert.equal(guest.call(EVENT, IPI, end), EFAULT);
  assert.equal(op(IPI, 0, 0), 0);
  assert.equal(guest.read(guest.va(20, 4)), 2);
});

Deno.test("no port left [event_channel_op.alloc_unbound] [event_channel_op.bind_interdomain] [event_channel_op] [errno.ENOSPC]", async () => {
  const { guest, other, port } = await start();
  const waiting = other.write(other.va(20), domids(SELF, guest.domid), 0);
  assert.equal(other.enter().call(EVENT, ALLOC, waiting), 0);
  const far = other.read(waiting + 4);
  guest.enter();
  let last = 0;
  for (;;) {
    const next = port(1, IPI, 0);
    if (next < 0) {
      assert.equal(next, ENOSPC);
      break;
    }
    assert.equal(next, ++last);
  }
  assert.equal(last, 1023);
  assert.equal(port(2, VIRQ, TIMER, 0), ENOSPC);
  assert.equal(port(1, ALLOC, domids(SELF, 0)), ENOSPC);
  // the domain is looked for first, then the own port, then the other one
  assert.deepEqual([far, far + 1, 5000].map((n) => port(2, BIND, other.domid, n)), [
    ENOSPC,
    ENOSPC,
    ENOSPC,
  ]);
  assert.deepEqual([port(2, BIND, 0, 1), port(2, BIND, 1234, 1)], [ENOSPC, ESRCH]);
  // the other end still waits
  assert.equal(guest.call(EVENT, CLOSE, put(guest, 500)), 0);
  assert.equal(port(2, BIND, other.domid, far), 500);
});

Deno.test("event_channel_op_compat: a command word first, up to unmask [event_channel_op_compat] [errno.EFAULT] [errno.ENOSYS]", async () => {
  const { guest } = await start();
  const compat = (cmd: number, ...words: number[]) => guest.call(COMPAT, put(guest, cmd, ...words));
  assert.equal(compat(IPI, 0, 0), 0);
  const port = guest.read(guest.va(20, 8));
  assert.deepEqual([compat(SEND, port), guest.shared(0x800)], [0, 1 << port]);
  assert.deepEqual([compat(UNMASK, port), compat(CLOSE, port), compat(CLOSE, port)], [
    0,
    0,
    EINVAL,
  ]);
  for (const cmd of [10, 11, 12, 13, 14, 100, 0xffffffff]) assert.equal(compat(cmd, SELF), ENOSYS);
  for (const bad of BAD_POINTERS) assert.equal(guest.call(COMPAT, bad), EFAULT);
});
