/** Hypercalls about the processor's state: FPU switch, debug registers, trap table, kernel stack. */
import assert from "node:assert/strict";
import { CPU, R_AX } from "../../core/wasm/layout.ts";
import { loadSelectors, park, registers, run, spot, tables } from "../traps/selectors.ts";
import { BASE, type Guest, PAGES, Rig } from "./rig.ts";

const EPERM = -1, EFAULT = -14, ENODEV = -19;
const HC = { trapTable: 0, stackSwitch: 3, fpu: 5, setDebug: 8, getDebug: 9 };
const KCS = 0xe019, KDS = 0xe021, UCS = 0xe02b, UDS = 0xe033;

async function start(): Promise<Guest> {
  const guest = (await Rig.create(1)).addGuest();
  park(guest.enter());
  tables(guest);
  return guest;
}

type Entry = [vector: number, flags: number, cs: number, address: number];

/** Writes a list of entries, ended by an address 0. */
function list(guest: Guest, at: number, ...entries: Entry[]): number {
  const words = entries.flatMap(([v, flags, cs, address]) => [v | flags << 8 | cs << 16, address]);
  return guest.write(at, ...words, 0, 0);
}

const setTraps = (guest: Guest, ...entries: Entry[]) =>
  guest.call(HC.trapTable, list(guest, guest.va(30), ...entries));

/** Runs bytes and says where they ended. */
function arrives(guest: Guest, bytes: number[]): number {
  run(guest, bytes);
  return registers(guest).eip;
}

const FNOP = [0xd9, 0xd0], UD2 = [0x0f, 0x0b], MOV_EAX_CR0 = [0x0f, 0x20, 0xc0];

Deno.test(
  "fpu_taskswitch: any value but 0 sets the virtual TS, which #NM clears " +
    "[fpu_taskswitch] [trap.#NM]",
  async () => {
    const guest = await start();
    assert.equal(setTraps(guest, [7, 0, KCS, spot(guest, 0)]), 0);
    const ts = () => {
      run(guest, MOV_EAX_CR0);
      return guest.rig.core.view().getUint32(CPU + R_AX, true) & 8;
    };
    for (const set of [1, 2, 0xffffffff]) {
      assert.equal(guest.call(HC.fpu, set), 0);
      assert.equal(ts(), 8);
      assert.equal(arrives(guest, FNOP), spot(guest, 0));
      assert.equal(ts(), 0);
      assert.notEqual(arrives(guest, FNOP), spot(guest, 0), "once");
      guest.call(HC.fpu, set);
      assert.equal(guest.call(HC.fpu, 0), 0);
      assert.notEqual(arrives(guest, FNOP), spot(guest, 0));
    }
  },
);

Deno.test(
  "set_debugreg and get_debugreg: each register's rules " +
    "[set_debugreg] [get_debugreg] [errno.EPERM] [errno.set_debugreg.ENODEV] [errno.get_debugreg.ENODEV]",
  async () => {
    const guest = await start();
    const set = (n: number, value: number) => guest.call(HC.setDebug, n, value);
    const get = (n: number) => guest.call(HC.getDebug, n) >>> 0;
    assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7].map(get), [
      0,
      0,
      0,
      0,
      ...[6, 7, 6, 7].map((n) => n === 6 ? 0xffff0ff0 : 0x400),
    ]);
    for (const n of [0, 1, 2, 3]) {
      for (const address of [0x1234, 0xf5800000, 0xffffffff]) {
        assert.equal(set(n, address), 0);
        assert.equal(get(n), address);
      }
    }
    // DR6: fixed ones and a fixed zero; DR4 is the same register
    assert.deepEqual([set(6, 0), get(6), get(4)], [0, 0xffff0ff0, 0xffff0ff0]);
    assert.deepEqual([set(4, 0xffffffff), get(6)], [0, 0xffffefff]);
    // DR7: bit 10 is one, reserved bits are zero, GD is refused
    assert.deepEqual([set(7, 0xd800), get(7)], [0, 0x400]);
    assert.deepEqual([set(5, 0x300), get(7), get(5)], [0, 0x700, 0x700]);
    assert.deepEqual([set(7, 0x2000), get(7)], [EPERM, 0x700]);
    assert.deepEqual([set(7, 0x20001), get(7)], [EPERM, 0x700], "I/O without CR4.DE");
    assert.deepEqual([set(7, 0x20000), get(7)], [0, 0x20400], "unless it is off");
    assert.deepEqual([8, 9, 0xffffffff].map((n) => set(n, 0)), [ENODEV, ENODEV, ENODEV]);
    assert.deepEqual([8, 9, 0xffffffff].map((n) => get(n) | 0), [ENODEV, ENODEV, ENODEV]);
    // CR4.DE: DR4 and DR5 go, I/O breakpoints come
    run(guest, [0x0f, 0x20, 0xe0, 0x83, 0xc8, 0x08, 0x0f, 0x22, 0xe0]);
    assert.deepEqual([set(4, 0), set(5, 0), get(4) | 0, get(5) | 0], Array(4).fill(ENODEV));
    assert.deepEqual([set(7, 0x20001), get(7)], [0, 0x20401]);
  },
);

Deno.test(
  "set_trap_table: ended by address 0, in any order, later entries count, RPL raised " +
    "[set_trap_table]",
  async () => {
    const guest = await start();
    const at = (n: number) => spot(guest, n);
    assert.equal(
      setTraps(guest, [14, 0, KCS, at(1)], [6, 0, KCS, at(2)], [6, 0, KCS & ~3, at(3)]),
      0,
    );
    assert.equal(arrives(guest, UD2), at(3));
    assert.equal(registers(guest).cs, KCS);
    // what a list does not name stays
    assert.equal(setTraps(guest, [3, 0, KCS, at(4)]), 0);
    assert.equal(arrives(guest, UD2), at(3));
    assert.equal(arrives(guest, [0xcc]), at(4));
    // a list that begins with its end changes nothing
    assert.equal(setTraps(guest), 0);
    assert.equal(arrives(guest, UD2), at(3));
    // flag 4 masks events on entry, others do not
    for (const [flags, mask] of [[4, 1], [0, 0], [7, 1], [0xfb, 0]]) {
      setTraps(guest, [6, flags, KCS, at(2)]);
      guest.setSharedByte(1, 0);
      assert.equal(arrives(guest, UD2), at(2));
      assert.equal(guest.sharedByte(1), mask, `flags ${flags}`);
    }
  },
);

Deno.test(
  "set_trap_table: NULL clears all; entries before a fault stay " +
    "[set_trap_table] [errno.EFAULT]",
  async () => {
    const guest = await start();
    const at = (n: number) => spot(guest, n);
    const end = BASE + PAGES * 4096;
    setTraps(guest, [6, 0, KCS, at(1)]);
    guest.write(end - 8, 6 | KCS << 16, at(2));
    assert.equal(guest.call(HC.trapTable, end - 8), EFAULT);
    assert.equal(arrives(guest, UD2), at(2), "copied before the list's end was missed");
    for (const bad of [0x400000, 0xf5800000, 0xfffffff8]) {
      assert.equal(guest.call(HC.trapTable, bad), EFAULT);
    }
    assert.equal(arrives(guest, UD2), at(2));
    assert.equal(guest.call(HC.trapTable, 0), 0);
    park(guest, UD2);
    guest.rig.inside.slice_end();
    guest.rig.core.exports.machine_run(0n, 20);
    assert.deepEqual(
      [guest.state, guest.code],
      [2, 3],
      "a fault without a handler ends the domain",
    );
  },
);

Deno.test("stack_switch: RPL raised, any address, used from ring 3 [stack_switch] [trap.kernel_stack]", async () => {
  const guest = await start();
  setTraps(guest, [6, 0, KCS, spot(guest, 1)]);
  for (const [ss, esp] of [[KDS, guest.va(31)], [KDS & ~3, guest.va(31, 2)]]) {
    assert.equal(guest.call(HC.stackSwitch, ss, esp), 0);
    const user = { cs: UCS, ss: UDS, esp: 0x5678 };
    loadSelectors(guest, { ds: UDS, es: UDS, fs: 0, gs: 0 }, user, UD2);
    const after = registers(guest);
    assert.deepEqual([after.eip, after.ss, after.esp], [spot(guest, 1), KDS, esp - 20]);
    assert.deepEqual([guest.read(esp - 8), guest.read(esp - 4)], [0x5678, UDS]);
  }
  for (const esp of [0, 0xf5800000, 0xffffffff]) {
    assert.equal(guest.call(HC.stackSwitch, 0, esp), 0);
  }
});
