/** A profile as people and programs read it. */
import type { SymbolTable } from "../../core/host/elf/symbols.ts";
import type { Machine } from "../../core/host/machine.ts";
import type { ProfiledBlock } from "../../core/host/profile.ts";
import { disassemble } from "../../core/host/report/disassemble.ts";
import { MODE_CODE32 } from "../../core/wasm/layout.ts";
import { why } from "./why.ts";

export interface ReportedInstruction {
  eip: number;
  text: string;
  interpreted: number;
  translated: number;
  handed: number;
}

export interface ReportedBlock {
  domain: number;
  eip: number;
  /** Name and offset, where the image has symbols. */
  symbol: string | null;
  /** Of all instructions run. */
  share: number;
  instructionsRun: number;
  /** Times entered, by tier. */
  interpreted: number;
  translated: number;
  why: string;
  instructions: ReportedInstruction[];
  /** What it became, where that was asked for. */
  code: string[];
}

export interface Report {
  /** Instructions run, by tier. */
  interpreted: number;
  translated: number;
  /** Blocks met. */
  blocks: number;
  /** Times all decoded code was dropped, and code was overwritten. */
  dropped: number;
  overwritten: number;
  hottest: ReportedBlock[];
}

/**
 * The hottest blocks of a machine.
 *
 * @param symbols by domain number from 1
 * @param top how many blocks
 * @param code whether translated blocks come with their code
 */
export async function report(
  machine: Machine,
  symbols: SymbolTable[],
  top: number,
  code: boolean,
): Promise<Report> {
  const profile = machine.profile!;
  const blocks = profile.blocks();
  const [interpreted, translated] = (["interpreted", "translated"] as const).map((tier) =>
    blocks.reduce((sum, b) => sum + b.instructions.reduce((n, i) => n + i[tier], 0), 0)
  );
  const hottest: ReportedBlock[] = [];
  for (const block of blocks.slice(0, top)) {
    hottest.push({
      domain: block.domid,
      eip: block.eip,
      symbol: symbols[block.domid - 1]?.describe(block.eip) ?? null,
      share: block.run / (interpreted + translated),
      instructionsRun: block.run,
      interpreted: block.interpreted,
      translated: block.translated,
      why: why(block),
      instructions: await instructionsOf(block),
      code: code ? await codeOf(block) : [],
    });
  }
  const { dropped, overwritten } = profile;
  return { interpreted, translated, blocks: blocks.length, dropped, overwritten, hottest };
}

async function instructionsOf(block: ProfiledBlock): Promise<ReportedInstruction[]> {
  const out: ReportedInstruction[] = [];
  for (const { delta, length, interpreted, translated, handed } of block.instructions) {
    // behind the last one that was ever reached there is nothing to see
    if (!(interpreted + translated + handed)) break;
    const eip = block.eip + delta;
    const bits = block.mode & MODE_CODE32 ? 32 : 16;
    const text = await disassemble(block.bytes.subarray(delta, delta + length), eip, bits);
    out.push({ eip, text, interpreted, translated, handed });
  }
  return out;
}

async function codeOf({ standing }: ProfiledBlock): Promise<string[]> {
  if (!standing?.region) return [];
  const { blocks } = standing.region;
  const { listRegion } = await import("../../jit/translator/build.ts");
  return listRegion(blocks)[blocks.findIndex((block) => block.record === standing.record)] ?? [];
}

const hex = (n: number) => n.toString(16).padStart(8, "0");
const percent = (part: number) => `${(part * 100).toFixed(1)} %`;
const number = (n: number) => n.toLocaleString("en").padStart(16);

/** Prints it. */
export function print(r: Report): void {
  const all = r.interpreted + r.translated;
  console.log(
    `${all.toLocaleString("en")} instructions in ${r.blocks} blocks, ` +
      `${percent(r.translated / all)} translated; all code dropped ${r.dropped} times, ` +
      `overwritten ${r.overwritten} times`,
  );
  r.hottest.forEach((block, n) => {
    console.log(
      `\n${String(n + 1).padStart(2)}. ${percent(block.share)}  d${block.domain} ` +
        `${hex(block.eip)}${block.symbol ? ` ${block.symbol}` : ""}  entered ` +
        `${block.interpreted.toLocaleString("en")} times interpreted, ` +
        `${block.translated.toLocaleString("en")} translated`,
    );
    console.log(`    ${block.why}`);
    for (const i of block.instructions) {
      const handed = i.handed ? `   ${i.handed.toLocaleString("en")} left to the interpreter` : "";
      console.log(
        `${number(i.interpreted)}${number(i.translated)}  ${hex(i.eip)}  ${i.text}${handed}`,
      );
    }
    for (const line of block.code) console.log(`        | ${line}`);
  });
}
