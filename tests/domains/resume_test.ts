/** Suspend, and what comes after it. */
import assert from "node:assert/strict";
import { CPU, R_AX } from "../../core/wasm/layout.ts";
import { Rig } from "../hypercalls/rig.ts";

const SCHED_OP = 29, SHUTDOWN = 2, SUSPEND = 2, POWEROFF = 0;
const EINVAL = -22, ESRCH = -3, EBUSY = -16;
type Resume = { domain_resume(domid: number, result: number): number };

Deno.test("a suspended domain goes on where it was, told whether it was away [sched_op.shutdown.suspend]", async () => {
  const rig = await Rig.create();
  const guest = rig.addGuest({ vcpus: 2 }).enter();
  const resume = (domid: number, result: number) =>
    (rig.core.exports as unknown as Resume).domain_resume(domid, result);
  for (const result of [0, 1]) {
    assert.equal(resume(guest.domid, result), EINVAL, "it runs");
    guest.call(SCHED_OP, SHUTDOWN, guest.write(guest.va(5), SUSPEND));
    assert.equal(resume(guest.domid, result), EBUSY, "its slice is not over");
    rig.inside.slice_end();
    assert.deepEqual([guest.state, guest.code], [2, SUSPEND]);
    assert.equal(rig.turn(), 0, "nothing runs");
    assert.equal(resume(guest.domid, result), 0);
    assert.deepEqual([guest.state, guest.code], [1, -1]);
    guest.enter();
    assert.equal(rig.core.view().getUint32(CPU + R_AX, true), result);
  }
  guest.call(SCHED_OP, SHUTDOWN, guest.write(guest.va(5), POWEROFF));
  rig.inside.slice_end();
  assert.equal(resume(guest.domid, 0), EINVAL, "off is off");
  assert.equal(resume(guest.domid + 1, 0), ESRCH);
  assert.equal(rig.core.exports.domain_destroy(guest.domid), 0);
  assert.equal(resume(guest.domid, 0), ESRCH, "gone");
});
