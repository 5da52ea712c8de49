/** `deno task docs`: writes docs/instructions.md and docs/abi-coverage.md anew. */
import { instructionsDocument } from "../../jit/isa/document.ts";
import { coverageDocument } from "../coverage/document.ts";
import { casesByRow } from "../oracle/counts.ts";

const write = (name: string, text: string) =>
  Deno.writeTextFile(new URL(`../../docs/${name}`, import.meta.url), text);

await write("instructions.md", instructionsDocument(casesByRow()));
await write("abi-coverage.md", coverageDocument());
