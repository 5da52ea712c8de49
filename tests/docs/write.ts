/** `deno task docs`: writes docs/instructions.md and docs/abi-coverage.md anew. */
import { instructionsDocument } from "../../jit/isa/document.ts";
import { coverageDocument } from "../coverage/document.ts";
import { proof } from "./proof.ts";

const write = (name: string, text: string) =>
  Deno.writeTextFile(new URL(`../../docs/${name}`, import.meta.url), text);

await write("instructions.md", instructionsDocument(await proof()));
await write("abi-coverage.md", coverageDocument());
