/** What the tests of `--option xen32_limits` share: a guest under that option, and its handlers' frames. */
import { type Guest, Rig } from "../hypercalls/rig.ts";
import { park, registers, tables } from "../traps/selectors.ts";

export const OPTION = 4;
export const EINVAL = -22;
export const END = 0xf6800000;
export const KCS = 0xe019, KDS = 0xe021, UCS = 0xe02b, UDS = 0xe033;
export const DATA = 0xcfb300, CODE = 0xcfbb00, USER_DATA = 0xcff300;
export const DOWN = 0x400, PRESENT = 0x8000, PAGES = 0x800000;
export const HC = { trapTable: 0, stackSwitch: 3, callbacks: 4, sched: 29, assist: 21 };

export async function start(options = OPTION) {
  const rig = await Rig.create();
  const guest = rig.addGuest({ options });
  park(guest.enter());
  return { rig, guest, table: tables(guest) };
}

export function turn(rig: Rig): void {
  rig.inside.slice_end();
  rig.inside.slice_begin(1n << 62n, 1000);
}

export const handlers = (guest: Guest, ...list: [vector: number, cs: number, address: number][]) =>
  guest.call(
    HC.trapTable,
    guest.write(
      guest.va(30),
      ...list.flatMap(([vector, cs, address]) => [vector | cs << 16, address]),
      0,
      0,
    ),
  );

export const frame = (guest: Guest, words: number) => {
  const { esp } = registers(guest);
  return Array.from({ length: words }, (_, n) => guest.read(esp + n * 4) >>> 0);
};

export const limitOf = ([low, high]: [number, number]) => ((low & 0xffff) | (high & 0xf0000)) >>> 0;
