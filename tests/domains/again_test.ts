/** A new domain is made of what a destroyed one leaves: nothing of the old one's may be in it. */
import assert from "node:assert/strict";
import { C_MODE, CPU } from "../../core/wasm/layout.ts";
import { upcallState } from "../../core/host/inspect.ts";
import { type Guest, Rig, SELF } from "../hypercalls/rig.ts";
import { destroy, event, free } from "./lives.ts";

const MEMORY_OP = 12, SET_DEBUGREG = 8, CONSOLE_IO = 18, VM_ASSIST = 21, VCPU_OP = 24;
const SCHED_OP = 29, CALLBACKS = 4, TRAPS = 0, STACK = 3, PHYSDEV = 33;
const SET_MEMORY_MAP = 13, MEMORY_MAP = 9;
const BIND_VIRQ = 1, SEND = 4, BIND_IPI = 7, INIT_CONTROL = 11, EXPAND_ARRAY = 12;
const INITIALISE = 0, UP = 1, RUNSTATE_AREA = 5, STOP_PERIODIC = 7, SINGLESHOT = 8, VCPU_INFO = 10;
const NMI = 11, TIME_AREA = 13;
const CODE = 5, WATCHDOG = 6;
const EOI_MAP = 28;
const OPTION_CONSOLE = 1;

/** The running vCPU's registers. */
const state = ({ rig }: Guest) => rig.core.bytes().slice(CPU, CPU + C_MODE);

/** Uses whatever a domain has. */
function useAll(guest: Guest): void {
  const at = (page: number, ...words: number[]) => guest.write(guest.va(page), ...words);
  const ok = (result: number) => assert.equal(result, 0);
  ok(guest.call(CONSOLE_IO, 0, 6, at(7, 0x72636573, 0x7465))); // "secret", and no newline
  ok(guest.call(MEMORY_OP, SET_MEMORY_MAP, at(5, SELF | 1 << 16, 1, guest.va(7))));
  ok(guest.call(VCPU_OP, INITIALISE, 1, guest.context()));
  ok(guest.call(VCPU_OP, VCPU_INFO, 0, at(5, guest.mfns[50], 0, 64, 0)));
  ok(event(guest, INIT_CONTROL, guest.mfns[51], 0, 0, 0, 0, 0).result);
  ok(event(guest, EXPAND_ARRAY, guest.mfns[52], 0).result);
  for (const virq of [0, 1, 2]) ok(event(guest, BIND_VIRQ, virq, 0, 0).result);
  const ipi = event(guest, BIND_IPI, 0, 0).words[1];
  ok(event(guest, SEND, ipi).result);
  ok(guest.call(VCPU_OP, RUNSTATE_AREA, 0, at(5, guest.va(53), 0)));
  ok(guest.call(VCPU_OP, TIME_AREA, 0, at(5, guest.va(54), 0)));
  ok(guest.call(VCPU_OP, STOP_PERIODIC, 0, 0));
  ok(guest.call(VCPU_OP, SINGLESHOT, 0, at(5, 0xffffffff, 0x7fffff, 0)));
  ok(guest.call(VCPU_OP, NMI, 0, 0));
  for (const n of [1, 2]) assert.equal(guest.call(SCHED_OP, WATCHDOG, at(5, 0, 1000)), n);
  ok(guest.call(SCHED_OP, CODE, at(5, 77)));
  ok(guest.call(VM_ASSIST, 0, 5));
  ok(guest.call(CALLBACKS, 0xe019, 0x1234, 0xe019, 0x5678));
  ok(guest.call(TRAPS, at(5, 3 | 0xe019 << 16, 0x4321, 0, 0)));
  ok(guest.call(STACK, 0xe021, 0x9999));
  ok(guest.call(SET_DEBUGREG, 0, 0x1111));
  ok(guest.call(PHYSDEV, 6, at(5, 3))); // IOPL
  ok(guest.call(PHYSDEV, EOI_MAP, at(5, guest.mfns[55], 0)));
}

/** What a guest finds when it begins. */
function findings(guest: Guest) {
  const { rig, domid } = guest;
  const at = (page: number, ...words: number[]) => guest.write(guest.va(page), ...words);
  const found = {
    registers: state(guest),
    info: Array.from({ length: 4 }, (_, n) => guest.shared(n * 4)),
    bitmaps: Array.from({ length: 64 }, (_, n) => guest.shared(0x800 + n * 4)),
    upcall: upcallState(rig.core, domid, 0),
    map: [guest.call(MEMORY_OP, MEMORY_MAP, at(5, 1, guest.va(6))), guest.read(guest.va(6, 8))],
    initialised: guest.call(VCPU_OP, INITIALISE, 1, guest.context()),
    virqs: [0, 1, 2].map((virq) => event(guest, BIND_VIRQ, virq, 0, 0).words[2]),
    watchdogs: [1, 2].map(() => guest.call(SCHED_OP, WATCHDOG, at(5, 0, 1000))),
    info2: guest.call(VCPU_OP, VCPU_INFO, 0, at(5, guest.mfns[50], 0, 64, 0)),
    debug: guest.call(9, 0),
    code: guest.code,
    said: rig.lines.length,
  };
  guest.call(CONSOLE_IO, 0, 4, at(7, 0x0a746e65)); // "ent\n"
  return found;
}

Deno.test("a domain begins as the first one did, whatever was done in its place before [domain.destroy]", async () => {
  const make = { vcpus: 2, options: OPTION_CONSOLE };
  const first = await Rig.create();
  const expected = findings(first.addGuest(make).enter());
  const rig = await Rig.create();
  const before = free(rig);
  const old = rig.addGuest(make).enter();
  useAll(old);
  const heap = rig.inside.heap_used();
  destroy(rig, old);
  assert.equal(free(rig), before);
  const lines = rig.lines.length;
  const guest = rig.addGuest(make).enter();
  assert.equal(rig.inside.heap_used(), heap, "it has the other's place");
  const found = findings(guest);
  assert.deepEqual({ ...found, said: found.said - lines }, expected);
  assert.equal(rig.lines.at(-1)!.replace(/^.*\) /, ""), "ent");
  assert.equal(rig.inside.audit(guest.domid), 0);
});

Deno.test("a domain with the number of the one that ran last, and fewer vCPUs, gets its turn [domain.destroy]", async () => {
  const rig = await Rig.create();
  const old = rig.addGuest({ vcpus: 2 }).enter();
  assert.equal(old.call(VCPU_OP, INITIALISE, 1, old.context()), 0);
  assert.equal(old.call(VCPU_OP, UP, 1, 0), 0);
  old.enter(1);
  destroy(rig, old);
  // numbers go round
  for (let n = 1; n < 127; n++) {
    const domid = rig.core.exports.domain_create(1, 16, 0);
    assert.notEqual(domid, old.domid);
    assert.equal(rig.core.exports.domain_destroy(domid), 0);
  }
  const guest = rig.addGuest();
  assert.equal(guest.domid, old.domid);
  assert.equal(guest.enter().call(17, 7), 4096);
});
