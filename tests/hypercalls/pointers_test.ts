/** Every hypercall that takes a pointer, with pointers no guest may pass: an error, and nothing changed. */
import assert from "node:assert/strict";
import { BAD_POINTERS, type Guest, Rig } from "./rig.ts";

const EFAULT = -14;

/** Hypercall number, sub-operations, and where the pointer goes among the arguments. */
const TAKE_POINTER: [string, number, number[], (bad: number) => number[]][] = [
  ["platform_op", 7, [0], (bad) => [bad]],
  ["xen_version", 17, [1, 2, 3, 4, 5, 6, 8, 9], (bad) => [bad]],
  ["event_channel_op_compat", 16, [0], (bad) => [bad]],
  ["physdev_op_compat", 19, [0], (bad) => [bad]],
  ["vcpu_op", 24, [0, 4, 5, 6, 8, 10, 13], (bad) => [0, bad]],
  ["sched_op", 29, [2, 3, 4, 5, 6, 7], (bad) => [bad]],
  ["event_channel_op", 32, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14], (bad) => [bad]],
  ["physdev_op", 33, [5, 6, 7, 8, 9, 10, 12, 13, 17, 19, 23, 28, 31], (bad) => [bad]],
  ["hvm_op", 34, [0, 1, 9, 11, 15, 23], (bad) => [bad]],
  ["sysctl", 35, [0], (bad) => [bad]],
  ["domctl", 36, [0], (bad) => [bad]],
];
/** These take the pointer first, without a sub-operation. */
const POINTER_FIRST = new Set([7, 16, 19, 35, 36]);

function call(guest: Guest, nr: number, cmd: number, rest: number[]): number {
  return POINTER_FIRST.has(nr) ? guest.call(nr, ...rest) : guest.call(nr, cmd, ...rest);
}

Deno.test("bad pointers are -EFAULT everywhere [hypercall.pointers] [errno.platform_op.EFAULT] [errno.xen_version.EFAULT] [errno.event_channel_op_compat.EFAULT] [errno.physdev_op_compat.EFAULT] [errno.vcpu_op.EFAULT] [errno.sched_op.EFAULT] [errno.event_channel_op.EFAULT] [errno.physdev_op.EFAULT] [errno.hvm_op.EFAULT] [errno.sysctl.EFAULT] [errno.domctl.EFAULT]", async () => {
  const rig = await Rig.create();
  const guest = rig.addGuest().enter();
  for (const [name, nr, commands, place] of TAKE_POINTER) {
    for (const cmd of commands) {
      for (const bad of BAD_POINTERS) {
        // the last byte that is mapped: enough for a structure of one byte only
        assert.equal(
          call(guest, nr, cmd, place(bad)),
          EFAULT,
          `${name} ${cmd} at ${bad.toString(16)}`,
        );
      }
    }
  }
  assert.equal(rig.inside.audit(guest.domid), 0);
  assert.equal(guest.state, 1);
});

Deno.test("console_io: only where it is allowed, line by line, whatever the bytes [console_io.write] [console_io.read] [option.console_io] [errno.EPERM] [errno.EFAULT] [errno.ENOSYS]", async () => {
  const rig = await Rig.create(2);
  const silent = rig.addGuest().enter();
  const text = (guest: Guest, s: string) => {
    const bytes = new TextEncoder().encode(s.padEnd(Math.ceil(s.length / 4) * 4, "\0"));
    const words = new Uint32Array(bytes.buffer);
    return guest.write(guest.va(10), ...words);
  };
  assert.equal(silent.call(18, 0, 3, text(silent, "no\n")), -1);
  const guest = rig.addGuest({ options: 1 }).enter();
  assert.equal(guest.call(18, 0, 12, text(guest, "one\ntw\x07o\nthr")), 0);
  assert.equal(guest.call(18, 0, 3, text(guest, "ee\n")), 0);
  assert.deepEqual(rig.lines.map((line) => line.replace(/^.*?\) /, "")), ["one", "two", "three"]);
  for (const bad of BAD_POINTERS) assert.equal(guest.call(18, 0, 5, bad), EFAULT);
  assert.equal(guest.call(18, 1, 10, guest.va(10)), 0);
  assert.equal(guest.call(18, 2, 0, 0), -38);
});

Deno.test("console_io: a tab is text, and a line that has no end is handed on in parts [console_io.write] [option.console_io]", async () => {
  const rig = await Rig.create();
  const guest = rig.addGuest({ options: 1 }).enter();
  const write = (bytes: Uint8Array) => {
    const padded = new Uint8Array(bytes.length + 3 & ~3);
    padded.set(bytes);
    guest.write(guest.va(10), ...new Uint32Array(padded.buffer));
    assert.equal(guest.call(18, 0, bytes.length, guest.va(10)), 0);
  };
  const said = () => rig.lines.map((line) => line.replace(/^.*?\) /, ""));
  const ascii = Uint8Array.from({ length: 256 }, (_, n) => n === 10 ? 0 : n);
  write(ascii);
  write(new TextEncoder().encode("\n"));
  const text = String.fromCharCode(9, ...Array.from({ length: 95 }, (_, n) => 32 + n));
  assert.deepEqual(said(), [text]);
  rig.lines.length = 0;
  const long = "0123456789".repeat(100);
  write(new TextEncoder().encode(long));
  assert.ok(said().length > 0 && long.startsWith(said().join("")), "not kept back for ever");
  assert.ok(said().every((part) => part.length <= 252), `${said().map((part) => part.length)}`);
  write(new TextEncoder().encode("end\n"));
  assert.equal(said().join(""), `${long}end`);
});
