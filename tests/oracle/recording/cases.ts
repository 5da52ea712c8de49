/**
 * The cases that are recorded. Each follows from its form's name and its number among the form's cases, so
 * that a recording holds what came of it and not the case; and so that a form that comes, goes or changes
 * leaves the others' cases as they are. A hash of each form's cases tells whether they are still the same.
 */
import { Random } from "../../random.ts";
import { TRANSCENDENTAL } from "../approximations.ts";
import type { Case } from "../case.ts";
import { allForms } from "../forms.ts";
import { generateCase, runsIn, stepped } from "../generate.ts";
import { MAX_CASES } from "../layout.ts";
import type { Mode } from "../state.ts";
import { vectorCase, vectorForms } from "../vector_cases.ts";
import { x87Forms } from "../x87_cases.ts";
import { x87StateCase } from "../x87_state.ts";

/** Cases of one form in one mode. */
export interface Source {
  /** The form's name and the mode. */
  key: string;
  count: number;
  make(r: Random): Case;
}

/** How many cases there are of each form: as many as the recording's size allows. */
const COUNTS: Record<Mode | "stepped" | "vector" | "x87" | "transcendental", number> = {
  plain: 80,
  code16: 24,
  stack16: 16,
  stepped: 16,
  vector: 80,
  x87: 120,
  transcendental: 600,
};

export function sources(): Source[] {
  const { forms } = allForms();
  const modes: Mode[] = ["plain", "code16", "stack16"];
  return [
    ...modes.flatMap((mode) =>
      forms.filter((f) => runsIn(f, mode)).map((f) => ({
        key: `${f.name} ${mode}`,
        count: COUNTS[mode],
        make: (r: Random) => generateCase(r, f, mode),
      }))
    ),
    ...forms.map((f) => ({
      key: `${f.name} stepped`,
      count: COUNTS.stepped,
      make: (r: Random) => stepped(r, generateCase(r, f)),
    })),
    ...vectorForms().map((f) => ({
      key: f.name,
      count: COUNTS.vector,
      make: (r: Random) => vectorCase(r, f),
    })),
    ...x87Forms().map((f) => ({
      key: f.name,
      count: TRANSCENDENTAL.test(f.name) ? COUNTS.transcendental : COUNTS.x87,
      make: (r: Random) => x87StateCase(r, f),
    })),
  ];
}

const FNV_BASIS = 0x811c9dc5, FNV_PRIME = 0x01000193;

/** A 32-bit hash (FNV-1a) of a text. */
function hashText(text: string): number {
  let h = FNV_BASIS;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), FNV_PRIME);
  return h >>> 0;
}

/** A form's cases. Where their code lies follows from their names as well: addresses are part of what came of them. */
export function casesOf({ key, make }: Source, count: number): Case[] {
  return Array.from({ length: count }, (_, n) => {
    const seed = hashText(`${key} ${n}`);
    return { ...make(new Random(seed)), slot: seed % MAX_CASES };
  });
}

/** A hash of what cases start from. */
export function hashCases(cases: readonly Case[]): number {
  let h = FNV_BASIS;
  const words = (list: Uint32Array) => {
    for (let i = 0; i < list.length; i++) h = Math.imul(h ^ list[i], FNV_PRIME);
  };
  for (const c of cases) {
    words(Uint32Array.of(c.eflags, c.ds, c.es, c.ss, c.steps, c.code.length, ...c.code));
    words(c.registers);
    for (const { buffer, byteOffset, length } of [c.memory, c.fx]) {
      words(new Uint32Array(buffer, byteOffset, length / 4));
    }
  }
  return h >>> 0;
}

/** Cases in portions of which none has two in the same slot. */
export function bySlots<T extends { c: Case }>(items: readonly T[]): T[][] {
  const portions: T[][] = [];
  const used = new Uint8Array(MAX_CASES);
  for (const item of items) {
    const n = used[item.c.slot!]++;
    (portions[n] ??= []).push(item);
  }
  return portions;
}
