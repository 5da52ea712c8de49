/** Making domains and setting them up, by the core's exports: what is refused, and that it changes nothing. */
import assert from "node:assert/strict";
import { CONTEXT_SIZE, firstVcpuContext } from "../../core/host/builder/vcpu_context.ts";
import { C_BUDGET, CPU } from "../../core/wasm/layout.ts";
import { type Guest, PAGES, Rig } from "../hypercalls/rig.ts";
import { park } from "../traps/selectors.ts";
import { free } from "./lives.ts";

const VCPU_OP = 24, GET_RUNSTATE = 4, XEN_VERSION = 17, HANDLE = 8;
const ENOMEM = -12, ESRCH = -3, EFAULT = -14, EINVAL = -22;
const MEMORY_OP = 12, MEMORY_MAP = 9;
const RUNNABLE = 1, OFFLINE = 3;
const DEAD = 3;

type Exports = Record<string, (...args: number[]) => number>;
const all = (rig: Rig) => rig.core.exports as unknown as Exports;

Deno.test("from one vCPU to 32, and 127 domains", async () => {
  const rig = await Rig.create(4);
  const { domain_create, domain_destroy, domain_state } = rig.core.exports;
  const before = free(rig);
  for (const vcpus of [0, 33, 1000, -1]) assert.equal(domain_create(vcpus, 16, 0), EINVAL);
  assert.equal(free(rig), before);
  const made = Array.from({ length: 127 }, (_, n) => domain_create(n === 0 ? 32 : 1, 16, 0));
  assert.deepEqual(made, Array.from({ length: 127 }, (_, n) => n + 1));
  const full = free(rig);
  assert.equal(domain_create(1, 16, 0), ENOMEM, "no number is left");
  assert.equal(free(rig), full);
  assert.equal(domain_state(0), DEAD);
  assert.equal(domain_destroy(77), 0);
  assert.equal(domain_create(1, 16, 0), 77);
  for (const domid of made) assert.equal(domain_destroy(domid), 0);
  assert.equal(free(rig), before);
});

Deno.test("a domain that there are too few frames for is not made, and takes none", async () => {
  const rig = await Rig.create();
  const { domain_create, domain_destroy, domain_populate } = rig.core.exports;
  const { mailbox } = rig.core;
  // all frames but so many: not one, not its shared_info and its grant table's first
  for (const left of [0, 1]) {
    const eater = domain_create(1, 100_000, 0);
    for (let pfn = 0; free(rig) > left; pfn++) {
      assert.equal(domain_populate(eater, pfn, 1, mailbox), 0);
    }
    for (let n = 0; n < 3; n++) {
      assert.equal(domain_create(1, 16, 0), ENOMEM);
      assert.equal(free(rig), left);
    }
    assert.equal(domain_destroy(eater), 0);
  }
  assert.equal(rig.addGuest().enter().call(XEN_VERSION, 7), 4096);
});

Deno.test("a domain that is not there, or has ended: -ESRCH, whatever is to be set", async () => {
  const rig = await Rig.create(2);
  const x = all(rig);
  const { mailbox } = rig.core;
  const gone = rig.addGuest();
  rig.inside.slice_end();
  assert.equal(x.domain_destroy(gone.domid), 0);
  for (const none of [0, gone.domid, 5, 127, 128, 0x7ff0, -1]) {
    const results = [
      x.domain_pause(none),
      x.domain_unpause(none),
      x.domain_set_limits(none, 4, 4, 4),
      x.domain_set_memory_map(none, 77),
      x.domain_hide_features(none, 1, 1, 1),
      x.domain_set_handle(none, mailbox),
      x.vcpu_set_context(none, 0, mailbox),
      x.domain_shutdown_code(none),
      x.domain_kill(none),
    ];
    assert.deepEqual(results, results.map(() => ESRCH), `${none}`);
    assert.deepEqual(
      [x.domain_state(none), x.domain_shared_info(none), x.domain_crash_reason(none)],
      [DEAD, 0, 0],
    );
  }
});

Deno.test("limits, handle and context: what is no good is refused, and the old one stays", async () => {
  const rig = await Rig.create();
  const x = all(rig);
  const { mailbox } = rig.core;
  const guest = rig.addGuest({ vcpus: 2 });
  const handle = () => {
    assert.equal(guest.enter().call(XEN_VERSION, HANDLE, guest.va(5)), 0);
    const words = [0, 4, 8, 12].map((n) => guest.read(guest.va(5, n)));
    rig.inside.slice_end();
    return words;
  };
  rig.core.bytes().fill(0x55, mailbox, mailbox + 16);
  assert.equal(x.domain_set_handle(guest.domid, mailbox), 0);
  const mine = Array(4).fill(0x55555555);
  assert.deepEqual(handle(), mine);
  for (const bad of [0, mailbox - 1, mailbox + 0x8000 - 15, -1]) {
    assert.equal(x.domain_set_handle(guest.domid, bad), EFAULT);
    assert.equal(x.vcpu_set_context(guest.domid, 1, bad), EFAULT);
  }
  assert.deepEqual(handle(), mine);
  assert.equal(x.domain_set_limits(guest.domid, 0, 4, 4), EINVAL);
  const post = (topTableMfn: number) =>
    rig.core.post(
      firstVcpuContext({
        entry: guest.va(0),
        stack: guest.va(4),
        startInfo: 0,
        topTableMfn,
        extendedCr3: true,
      }),
    );
  for (const none of [2, 31, 32, -1]) {
    assert.equal(x.vcpu_set_context(guest.domid, none, post(guest.mfns[0])), EINVAL);
  }
  assert.equal(x.vcpu_set_context(guest.domid, 1, mailbox + 0x8000 - CONTEXT_SIZE + 1), EFAULT);
  assert.equal(x.vcpu_set_context(guest.domid, 1, post(guest.mfns[20])), EINVAL, "no table");
  const up = () => guest.enter().call(VCPU_OP, 1, 1, 0);
  assert.equal(up(), EINVAL, "it has none yet");
  rig.inside.slice_end();
  assert.equal(x.vcpu_set_context(guest.domid, 1, post(guest.mfns[0])), 0);
  assert.equal(up(), 0);
  assert.equal(rig.inside.audit(guest.domid), 0);
});

Deno.test("the map of memory may be made longer, not shorter [memory_op.memory_map]", async () => {
  const rig = await Rig.create();
  const guest = rig.addGuest().enter();
  const size = () => {
    assert.equal(guest.call(MEMORY_OP, MEMORY_MAP, guest.write(guest.va(5), 1, guest.va(6))), 0);
    return guest.read64(guest.va(6, 8));
  };
  const began = size();
  assert.equal(began, BigInt(PAGES) * 4096n);
  for (const [pages, expected] of [[PAGES - 1, began], [1000, 4096000n], [0, 4096000n]] as const) {
    assert.equal(rig.core.exports.domain_set_memory_map(guest.domid, pages), 0);
    assert.equal(size(), expected);
  }
});

Deno.test("a slice is an instruction long at least", async () => {
  const rig = await Rig.create();
  park(rig.addGuest().enter(), Array(60).fill(0x90));
  rig.inside.slice_end();
  for (const budget of [0, -1, -0x80000000]) {
    const before = rig.core.retired();
    assert.equal(rig.inside.slice_begin(0n, budget), 1);
    assert.equal(rig.core.view().getInt32(CPU + C_BUDGET, true), 1);
    rig.endSlice();
    rig.core.exports.machine_run(0n, budget);
    assert.ok(rig.core.retired() > before);
  }
});

Deno.test("the time that a domain is paused is its runnable vCPUs' time offline [domain.pause] [vcpu_op.get_runstate_info]", async () => {
  const rig = await Rig.create(2);
  const guest = rig.addGuest(), other = rig.addGuest();
  const times = (g: Guest) => {
    assert.equal(g.enter().call(VCPU_OP, GET_RUNSTATE, 0, g.va(6)), 0);
    const found = [RUNNABLE, OFFLINE].map((n) => g.read64(g.va(6, 12 + n * 8)));
    rig.inside.slice_end();
    return found;
  };
  park(other.enter());
  const before = times(guest), others = times(other);
  assert.equal(rig.core.exports.domain_pause(guest.domid), 0);
  const began = rig.now;
  for (let n = 0; n < 20; n++) rig.core.exports.machine_run(0n, 10_000);
  const paused = rig.now - began;
  assert.ok(paused >= 200_000n);
  assert.equal(rig.core.exports.domain_unpause(guest.domid), 0);
  const after = times(guest);
  assert.equal(after[1] - before[1], paused);
  assert.equal(times(other)[1], others[1], "another one's pause is nothing to it");
});
