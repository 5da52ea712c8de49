/** On the way back from the hypervisor, whatever it was entered for, an event that is due comes before the next instruction. */
import assert from "node:assert/strict";
import { CODE, HC, hypercall, imm, kernel, registers, spot, UPCALL } from "./kernel.ts";
import { park } from "./selectors.ts";

const SHARED = 41;
/** What enters the hypervisor, with nothing to come of it. */
const ENTRIES: Record<string, number[]> = {
  CLTS: [0x0f, 0x06],
  "MOV from CR0": [0x0f, 0x20, 0xc0],
  "a hypercall": [0x31, 0xdb, ...hypercall(17)],
  // what MOV SS holds back, it does for one instruction, which the event comes behind anyway
  "CLTS behind MOV SS": [0x8c, 0xd0, 0x8e, 0xd0, 0x0f, 0x06],
  "CLTS, the second behind MOV SS": [0x8c, 0xd0, 0x8e, 0xd0, 0x90, 0x0f, 0x06],
};

for (const [what, entry] of Object.entries(ENTRIES)) {
  Deno.test(`${what}: the event that waited comes right behind it [trap.upcall]`, async () => {
    const { guest, rig, frame } = await kernel();
    const info = rig.core.exports.domain_shared_info(guest.domid);
    const shared = guest.va(SHARED);
    assert.equal(guest.call(HC.updateVa, shared, info << 12 | 0x63, info >>> 20, 2), 0);
    guest.setSharedByte(0, 0);
    guest.setSharedByte(1, 0);
    // the last of three rounds, when all ways on are known, makes an event pending by itself
    const round = [0x83, 0xfe, 1, 0x75, 7, 0xc6, 0x05, ...imm(shared), 1, ...entry];
    const code = [0xbe, ...imm(3), ...round];
    park(guest, [...code, 0x4e, 0x75, 0x100 - (round.length + 3)]);
    rig.inside.slice_end();
    rig.core.exports.machine_run(0n, 1000);
    assert.equal(registers(guest).eip, spot(guest, UPCALL));
    assert.equal(frame(1)[0], guest.va(CODE, code.length));
  });
}
