/** hvm_op of a domain that is not HVM: each sub-operation refuses in its own way. */
import assert from "node:assert/strict";
import { kill } from "../domains/lives.ts";
import { BAD_POINTERS, Rig, SELF } from "./rig.ts";

const EPERM = -1, ESRCH = -3, EFAULT = -14, EINVAL = -22, ENOSYS = -38, EOPNOTSUPP = -95;
const SET_PARAM = 0, GET_PARAM = 1, FLUSH_TLBS = 5, PAGETABLE_DYING = 9, GET_TIME = 10;
const XENTRACE = 11, GET_MEM_TYPE = 15, UPCALL_VECTOR = 23, GUEST_REQUEST = 24, ALTP2M = 25;

async function start() {
  const rig = await Rig.create(2);
  const guest = rig.addGuest().enter();
  const op = (cmd: number, ...words: number[]) =>
    guest.call(34, cmd, guest.write(guest.va(20), ...words));
  return { rig, guest, op };
}

Deno.test(
  "parameters and memory types: -EINVAL for who is there, -ESRCH for who is not " +
    "[hvm_op.set_param] [hvm_op.get_param] [hvm_op.pagetable_dying] [hvm_op.get_mem_type] " +
    "[hvm_op] [errno.EINVAL] [errno.ESRCH]",
  async () => {
    const { rig, guest, op } = await start();
    const other = rig.addGuest();
    for (const cmd of [SET_PARAM, GET_PARAM, PAGETABLE_DYING, GET_MEM_TYPE]) {
      for (const domid of [SELF, 0, guest.domid, other.domid]) {
        assert.equal(
          op(cmd, domid, 0, 0, 0),
          EINVAL,
          `${cmd}`,
        );
      }
      assert.equal(op(cmd, 1234, 0, 0, 0), ESRCH, `${cmd}`);
    }
    kill(rig, other); // its memory is all there yet
    guest.enter();
    for (const cmd of [SET_PARAM, GET_PARAM, PAGETABLE_DYING, GET_MEM_TYPE]) {
      assert.equal(op(cmd, other.domid, 0, 0, 0), ESRCH, `${cmd}`);
    }
    assert.equal(op(GET_PARAM, 1234, 39, 0, 0), EINVAL, "no such parameter, whoever is asked");
  },
);

Deno.test(
  "the rest, with and without arguments " +
    "[hvm_op.flush_tlbs] [hvm_op.get_time] [hvm_op.set_evtchn_upcall_vector] " +
    "[hvm_op.guest_request_vm_event] [hvm_op.altp2m] [hvm_op.others] " +
    "[hvm_op] [errno.EPERM] [errno.EINVAL] [errno.EOPNOTSUPP] [errno.ENOSYS]",
  async () => {
    const { guest, op } = await start();
    assert.deepEqual([guest.call(34, FLUSH_TLBS, 0), op(FLUSH_TLBS)], [EPERM, EINVAL]);
    assert.equal(op(GET_TIME), 0);
    assert.equal(op(UPCALL_VECTOR, 0, 0x20), EINVAL);
    assert.deepEqual([guest.call(34, GUEST_REQUEST, 0), op(GUEST_REQUEST)], [0, EINVAL]);
    assert.equal(op(ALTP2M), EOPNOTSUPP);
    for (
      const cmd of [2, 3, 4, 6, 7, 8, 12, 13, 14, 16, 17, 18, 19, 20, 21, 22, 26, 100, 0xffffffff]
    ) {
      assert.equal(op(cmd), ENOSYS, `${cmd}`);
    }
  },
);

Deno.test("xentrace: events within bounds go nowhere [hvm_op.xentrace] [errno.hvm_op.EINVAL]", async () => {
  const { op } = await start();
  const trace = (event: number, bytes: number) => op(XENTRACE, event | bytes << 16);
  assert.deepEqual([trace(0, 0), trace(0xfff, 28)], [0, 0]);
  assert.deepEqual([trace(0x1000, 0), trace(0, 29)], [EINVAL, EINVAL]);
});

Deno.test("hvm_op reads what decides its answer [hvm_op] [errno.EFAULT]", async () => {
  const { guest } = await start();
  for (
    const cmd of [SET_PARAM, GET_PARAM, PAGETABLE_DYING, XENTRACE, GET_MEM_TYPE, UPCALL_VECTOR]
  ) {
    for (const bad of BAD_POINTERS) assert.equal(guest.call(34, cmd, bad), EFAULT, `${cmd}`);
  }
});
