/** The entries that the host fills in for its own daemons (host_grant_seed): the reserved ones, in version 1. */
import assert from "node:assert/strict";
import { kill } from "../domains/lives.ts";
import {
  addGranter,
  ARGS,
  GRANT_TABLE_OP,
  PERMIT,
  READING,
  SET_VERSION,
  TABLE,
  WRITING,
} from "./grants.ts";
import { Rig } from "./rig.ts";

const ESRCH = -3, EINVAL = -22;
const SEEDED = PERMIT | READING | WRITING;

Deno.test("only reserved entries of a table of version 1, of a domain that there is", async () => {
  const rig = await Rig.create(2);
  const guest = addGranter(rig, 8);
  const seed = (ref: number, mfn: number, domid = guest.domid) =>
    rig.core.exports.host_grant_seed(domid, ref, mfn);
  const table = () =>
    Array.from({ length: 1024 }, (_, n) => guest.read(guest.va(TABLE, n * 4)) >>> 0);
  const expected = Array<number>(1024).fill(0);
  for (const ref of [0, 1, 7]) {
    assert.equal(seed(ref, 0x1234 + ref), 0);
    expected.splice(ref * 2, 2, SEEDED, 0x1234 + ref); // for domain 0
  }
  for (const ref of [8, 511, 512, 0xffffffff]) assert.equal(seed(ref, 1), EINVAL);
  assert.deepEqual(table(), expected);
  assert.deepEqual([seed(0, 1, 99), seed(0, 1, 0)], [ESRCH, ESRCH]);
  // an entry of version 2 is twice as long: what was filled in would be the halves of others
  assert.equal(guest.call(GRANT_TABLE_OP, SET_VERSION, guest.write(guest.va(ARGS), 2), 1), 0);
  const second = table();
  for (const ref of [0, 1, 7]) assert.equal(seed(ref, 1), EINVAL);
  assert.deepEqual(table(), second);
  kill(rig, guest);
  assert.equal(seed(0, 1), ESRCH);
});
