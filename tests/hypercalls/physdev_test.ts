/** physdev_op of a domain without devices: I/O privilege, and what is said to all the rest. */
import assert from "node:assert/strict";
import { BAD_POINTERS, type Guest, Rig } from "./rig.ts";
import { CPU, R_AX } from "../../core/wasm/layout.ts";
import { park, registers, run, spot, tables } from "../traps/selectors.ts";

const EPERM = -1, EFAULT = -14, EBUSY = -16, EINVAL = -22, ENOSYS = -38;
const PHYSDEV = 33, COMPAT = 19;
const IRQ_STATUS = 5, SET_IOPL = 6, SET_IOBITMAP = 7, EOI = 12, GET_FREE_PIRQ = 23;
const PAGE = 30;

async function start() {
  const guest = (await Rig.create(1)).addGuest();
  park(guest.enter());
  tables(guest);
  const op = (cmd: number, ...words: number[]) =>
    guest.call(PHYSDEV, cmd, guest.write(guest.va(PAGE), ...words));
  const compat = (cmd: number, ...words: number[]) =>
    guest.call(COMPAT, guest.write(guest.va(PAGE), cmd, ...words));
  const trap = (vector: number) =>
    guest.call(0, guest.write(guest.va(PAGE), vector | 0xe019 << 16, spot(guest, 1), 0, 0));
  return { guest, op, compat, trap };
}

const CLI = [0xfa], IN_80 = [0xe4, 0x80];

/** Whether the kernel may execute something, or has #GP for it. */
function allowed(guest: Guest, bytes: number[]): boolean {
  run(guest, bytes);
  return registers(guest).eip !== spot(guest, 1);
}

Deno.test(
  "physdev_op: set_iopl, 0 to 3, and what it allows " +
    "[physdev_op.set_iopl] [physdev_op_compat] [errno.physdev_op.EINVAL] [emulate.cli] [emulate.in]",
  async () => {
    const { guest, op, compat, trap } = await start();
    trap(13);
    for (const set of [op, compat]) {
      for (const iopl of [0, 1, 2, 3, 0]) {
        assert.equal(set(SET_IOPL, iopl), 0);
        assert.equal(allowed(guest, CLI), iopl > 0, `IOPL ${iopl}`);
        assert.equal(allowed(guest, IN_80), iopl > 0, `IOPL ${iopl}`);
      }
      for (const bad of [4, 5, 0xffffffff]) assert.equal(set(SET_IOPL, bad), EINVAL);
      assert.equal(allowed(guest, CLI), false, "the last good one stays");
    }
  },
);

Deno.test(
  "physdev_op: set_iobitmap, a bit set denies, what cannot be read denies " +
    "[physdev_op.set_iobitmap] [emulate.iobitmap] [errno.physdev_op.EINVAL]",
  async () => {
    const { guest, op, trap } = await start();
    trap(13);
    const bitmap = guest.va(40);
    const ports = (word: number) => guest.write(bitmap + 0x10, word);
    const rax = () => guest.rig.core.view().getUint32(CPU + R_AX, true);
    assert.equal(op(SET_IOBITMAP, bitmap, 0x100), 0);
    ports(0);
    assert.equal(allowed(guest, [0xb8, 0, 0, 0, 0, ...IN_80]), true);
    assert.equal(rax(), 0xff, "nothing is there: all ones");
    ports(1); // port 0x80
    assert.equal(allowed(guest, IN_80), false, "read anew at each access");
    assert.equal(allowed(guest, [0xe4, 0x81]), true);
    ports(2);
    assert.equal(allowed(guest, [0x66, 0xe5, 0x80]), false, "every byte of the access counts");
    assert.equal(allowed(guest, CLI), false, "no IOPL by a bitmap");
    ports(0);
    assert.equal(op(SET_IOBITMAP, bitmap, 0x80), 0);
    assert.equal(allowed(guest, IN_80), false, "beyond its end");
    assert.equal(op(SET_IOBITMAP, 0x400000, 0x100), 0);
    assert.equal(allowed(guest, IN_80), false, "unmapped");
    assert.equal(op(SET_IOBITMAP, bitmap, 65536), 0);
    assert.equal(op(SET_IOBITMAP, bitmap, 65537), EINVAL);
    assert.equal(op(SET_IOBITMAP, 0xf5800000 - 16, 256), EINVAL, "into the hypervisor");
    assert.equal(allowed(guest, IN_80), true, "a refused one changes nothing");
  },
);

Deno.test(
  "physdev_op: lines, none of which is the domain's " +
    "[physdev_op.irq_status_query] [physdev_op.eoi] [physdev_op.get_free_pirq] " +
    "[physdev_op.irq_unmask_notify] [errno.physdev_op.EINVAL]",
  async () => {
    const { guest, op } = await start();
    assert.equal(op(IRQ_STATUS, 5, 0), 0);
    assert.equal(guest.read(guest.va(PAGE, 4)), 1, "needs an EOI");
    assert.deepEqual([op(IRQ_STATUS, 100000), op(IRQ_STATUS, 0xffffffff)], [EINVAL, EINVAL]);
    assert.deepEqual([op(EOI, 5), op(EOI, 100000)], [EINVAL, EINVAL]);
    assert.equal(op(GET_FREE_PIRQ, 0, 0), 0);
    assert.ok(guest.read(guest.va(PAGE, 4)) > 15);
    assert.equal(guest.call(PHYSDEV, 4, 0xffffffff), 0, "takes no argument");
  },
);

Deno.test(
  "physdev_op: a page for EOIs, once, that stays referenced " +
    "[physdev_op.pirq_eoi_gmfn_v1] [physdev_op.pirq_eoi_gmfn_v2] " +
    "[errno.physdev_op.EINVAL] [errno.physdev_op.EBUSY]",
  async () => {
    for (const cmd of [17, 28]) {
      const { guest, op } = await start();
      for (const bad of [0, 0xffffffff, guest.mfns[0], guest.mfns[2]]) {
        assert.equal(
          op(cmd, bad),
          EINVAL,
        );
      }
      assert.equal(op(cmd, guest.mfns[50]), 0);
      assert.deepEqual([op(17, guest.mfns[51]), op(28, guest.mfns[51])], [EBUSY, EBUSY]);
      assert.equal(guest.call(14, guest.va(50), 0, 0, 2), 0);
      assert.equal(
        guest.call(26, guest.write(guest.va(PAGE), 0, guest.mfns[50], 0), 1, 0, 0x7ff0),
        EINVAL,
      );
      assert.equal(guest.rig.inside.audit(guest.domid), 0);
      guest.rig.inside.slice_end();
      assert.equal(guest.rig.core.exports.domain_destroy(guest.domid), 0);
    }
  },
);

Deno.test(
  "physdev_op: for owners of hardware " +
    "[physdev_op.apic_read] [physdev_op.apic_write] [physdev_op.alloc_irq_vector] [physdev_op.map_pirq] " +
    "[physdev_op.unmap_pirq] [physdev_op.manage_pci_add] [physdev_op.manage_pci_remove] " +
    "[physdev_op.restore_msi] [physdev_op.manage_pci_add_ext] [physdev_op.setup_gsi] " +
    "[physdev_op.pci_mmcfg_reserved] [physdev_op.pci_device_add] [physdev_op.pci_device_remove] " +
    "[physdev_op.restore_msi_ext] [physdev_op.dbgp_op] [physdev_op.prepare_msix] " +
    "[physdev_op.release_msix] [errno.physdev_op.EPERM] [errno.physdev_op.ENOSYS] [errno.physdev_op.EFAULT]",
  async () => {
    const { guest, op } = await start();
    for (const cmd of [8, 9, 10, 13, 14, 15, 16, 19, 20, 21, 24, 25, 26, 27, 29, 30, 31]) {
      assert.equal(op(cmd, 0, 0, 0, 0, 0, 0, 0, 0), EPERM, `${cmd}`);
      for (const bad of BAD_POINTERS) assert.equal(guest.call(PHYSDEV, cmd, bad), EFAULT);
    }
    for (const cmd of [0, 1, 2, 3, 11, 18, 22, 32, 100, 0xffffffff]) {
      assert.equal(
        op(cmd, 0),
        ENOSYS,
      );
    }
  },
);

Deno.test(
  "physdev_op_compat: the oldest commands behind a command word " +
    "[physdev_op_compat] [errno.ENOSYS] [errno.EFAULT]",
  async () => {
    const { guest, compat } = await start();
    for (const cmd of [0, 3, 11, 12, 17, 77, 0xffffffff]) assert.equal(compat(cmd, 0, 0), ENOSYS);
    assert.deepEqual([compat(8, 0, 0), compat(10, 0, 0)], [EPERM, EPERM]);
    assert.equal(compat(IRQ_STATUS, 5, 0), 0);
    assert.equal(guest.read(guest.va(PAGE, 8)), 1);
    for (const bad of BAD_POINTERS) assert.equal(guest.call(COMPAT, bad), EFAULT);
  },
);
