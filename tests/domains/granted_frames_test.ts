/** A guest may grant even what the hypervisor shares with it; when it ends, those frames stay as any that is mapped. */
import assert from "node:assert/strict";
import {
  addGranter,
  grant,
  grantMap,
  grantUnmap,
  OKAY,
  PERMIT,
  TABLE,
  WINDOW,
} from "../hypercalls/grants.ts";
import { Rig } from "../hypercalls/rig.ts";
import { destroy, free } from "./lives.ts";

Deno.test("frames of the hypervisor's that a domain granted, shared_info and its grant table, are free with the last mapping [domain.destroy_mapped] [domain.destroy]", async () => {
  for (const kept of [[0], [1], [0, 1]]) {
    const rig = await Rig.create(5);
    const user = addGranter(rig);
    const before = free(rig);
    const owner = addGranter(rig);
    const frames = [rig.core.exports.domain_shared_info(owner.domid), owner.mfns[TABLE]];
    kept.forEach((n) => grant(owner, 9 + n, PERMIT, user.domid, frames[n]));
    user.enter();
    const mapped = kept.map((n) => {
      const at = user.va(WINDOW + n);
      const { status, handle } = grantMap(user, { dom: owner.domid, ref: 9 + n, at });
      assert.equal(status, OKAY);
      return { handle, at };
    });
    destroy(rig, owner);
    assert.equal(free(rig), before - kept.length, `of ${kept}`);
    const next = rig.addGuest();
    assert.ok(!kept.some((n) => next.mfns.includes(frames[n])), "still somebody's");
    user.enter();
    assert.equal(rig.inside.audit(user.domid), 0);
    for (const { handle, at } of mapped) assert.equal(grantUnmap(user, handle, at), OKAY);
    assert.equal(rig.inside.audit(user.domid), 0);
    destroy(rig, next);
    assert.equal(free(rig), before);
  }
});
