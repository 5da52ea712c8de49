/** xen_version and vm_assist: what the guest runs on, and the switches of its own. */
import assert from "node:assert/strict";
import { BAD_POINTERS, BASE, PAGES, Rig } from "./rig.ts";

const EPERM = -1, EFAULT = -14, EINVAL = -22, ENOSYS = -38;
const XEN_VERSION = 17, VM_ASSIST = 21, CONSOLE_IO = 18;
const AT = BASE + 20 * 4096;
const FILL = 0x77777777;

async function start() {
  const guest = (await Rig.create(1)).addGuest().enter();
  const bytes = (n: number) =>
    guest.rig.core.bytes().slice(
      guest.rig.core.frameAddress(guest.mfns[20]),
      guest.rig.core.frameAddress(guest.mfns[20]) + n,
    );
  const text = (from: number, length: number) =>
    new TextDecoder().decode(bytes(from + length).subarray(from)).replace(/\0.*$/s, "");
  return { guest, bytes, text };
}

/** Bytes that each sub-operation writes, all of them and no more. */
const SIZES: [cmd: number, size: number][] = [[1, 16], [2, 144], [3, 1024], [4, 64], [5, 4], [
  8,
  16,
], [9, 9]];

Deno.test(
  "xen_version: each answer has its size " +
    "[xen_version.extraversion] [xen_version.compile_info] [xen_version.capabilities] " +
    "[xen_version.changeset] [xen_version.platform_parameters] [xen_version.guest_handle] " +
    "[xen_version.commandline] [errno.xen_version.EFAULT]",
  async () => {
    const { guest, bytes, text } = await start();
    for (const [cmd, size] of SIZES) {
      for (let n = 0; n < 1100; n += 4) guest.write(AT + n, FILL);
      assert.equal(guest.call(XEN_VERSION, cmd, AT), 0, `${cmd}`);
      const after = bytes(1100);
      assert.ok(after.subarray(size).every((b) => b === 0x77), `${cmd} writes too much`);
      assert.notEqual(after[size - 1], 0x77, `${cmd} writes too little`);
      if (cmd === 3) assert.match(text(0, 1024), /(^| )xen-3\.0-x86_32p /);
      if (cmd === 5) assert.equal(guest.read(AT) >>> 0, 0xf5800000);
      if (cmd === 9) assert.equal(text(0, 9), "<denied>");
      // one byte too few before the end of what is mapped
      assert.equal(guest.call(XEN_VERSION, cmd, BASE + PAGES * 4096 - size), 0);
      assert.equal(guest.call(XEN_VERSION, cmd, BASE + PAGES * 4096 - size + 1), EFAULT);
      for (const bad of BAD_POINTERS) assert.equal(guest.call(XEN_VERSION, cmd, bad), EFAULT);
    }
  },
);

Deno.test(
  "xen_version: what needs no structure " +
    "[xen_version.version] [xen_version.pagesize] [xen_version.build_id] " +
    "[xen_version] [errno.EINVAL] [errno.EPERM] [errno.ENOSYS]",
  async () => {
    const { guest } = await start();
    for (const arg of [0, AT, 0xf5800000]) {
      assert.equal(guest.call(XEN_VERSION, 0, arg), 0x00040011);
    }
    assert.deepEqual([0, AT, 1].map((arg) => guest.call(XEN_VERSION, 7, arg)), [
      4096,
      EINVAL,
      EINVAL,
    ]);
    assert.deepEqual([0, AT].map((arg) => guest.call(XEN_VERSION, 10, arg)), [EPERM, EPERM]);
    for (const cmd of [11, 12, 0xffffffff]) assert.equal(guest.call(XEN_VERSION, cmd, AT), ENOSYS);
  },
);

Deno.test(
  "get_features: submap 0, and the assist that shows in it " +
    "[xen_version.get_features] [vm_assist.pae_extended_cr3] [xen_version] [errno.EINVAL] [errno.EFAULT]",
  async () => {
    const { guest } = await start();
    const features = (submap: number) => guest.call(XEN_VERSION, 6, guest.write(AT, submap, FILL));
    for (const [cmd, expected] of [[0, 0x220f0], [1, 0x220e0], [0, 0x220f0]]) {
      assert.equal(guest.call(VM_ASSIST, cmd, 3), 0);
      assert.equal(features(0), 0);
      assert.equal(guest.read(AT + 4), expected);
    }
    for (const submap of [1, 2, 0xffffffff]) assert.equal(features(submap), EINVAL);
    for (const bad of BAD_POINTERS) assert.equal(guest.call(XEN_VERSION, 6, bad), EFAULT);
  },
);

Deno.test(
  "vm_assist: types 0 to 5, on and off " +
    "[vm_assist.4gb_segments] [vm_assist.4gb_segments_notify] [vm_assist.writable_pagetables] " +
    "[vm_assist.architectural_iopl] [vm_assist.runstate_update_flag] " +
    "[vm_assist] [errno.EINVAL] [errno.ENOSYS]",
  async () => {
    const { guest } = await start();
    for (const type of [0, 1, 2, 3, 4, 5]) {
      for (const cmd of [0, 0, 1, 1]) assert.equal(guest.call(VM_ASSIST, cmd, type), 0);
      for (const cmd of [2, 0xffffffff]) assert.equal(guest.call(VM_ASSIST, cmd, type), ENOSYS);
    }
    for (const type of [6, 7, 8, 31, 32, 33, 64, 0xffffffff]) {
      for (const cmd of [0, 1, 2]) {
        assert.equal(guest.call(VM_ASSIST, cmd, type), EINVAL, `${type}`);
      }
    }
  },
);

Deno.test(
  "runstate_update_flag: bit 63 of the entry time is clear again once it is written " +
    "[vm_assist.runstate_update_flag] [vcpu_op.register_runstate_memory_area] [time.runstate]",
  async () => {
    const { guest } = await start();
    assert.equal(guest.call(VM_ASSIST, 0, 5), 0);
    assert.equal(guest.call(24, 5, 0, guest.write(AT, AT + 64, 0)), 0);
    for (let n = 0; n < 3; n++) {
      guest.rig.turn();
      guest.enter();
      assert.equal(guest.read(AT + 64), 0, "running");
      assert.equal(guest.read64(AT + 68) >> 63n, 0n);
      const sum = [0, 1, 2, 3].reduce((s, k) => s + guest.read64(AT + 76 + k * 8), 0n);
      assert.ok(sum <= guest.rig.now && guest.read64(AT + 68) <= guest.rig.now);
    }
  },
);

Deno.test(
  "console_io without the option: -EPERM before anything is looked at " +
    "[console_io.write] [console_io.read] [option.console_io] [errno.console_io.EPERM]",
  async () => {
    const { guest } = await start();
    for (const cmd of [0, 1, 2, 0xffffffff]) {
      for (const at of [AT, 0xf5800000]) assert.equal(guest.call(CONSOLE_IO, cmd, 3, at), EPERM);
    }
  },
);
