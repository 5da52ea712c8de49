/** `deno task docs`: writes docs/instructions.md anew. */
import { instructionsDocument } from "../../jit/isa/document.ts";
import { casesByRow } from "../oracle/counts.ts";

const to = new URL("../../docs/instructions.md", import.meta.url);
await Deno.writeTextFile(to, instructionsDocument(casesByRow()));
