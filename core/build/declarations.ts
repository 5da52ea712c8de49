/** The library's types as .d.ts files, by TypeScript's own compiler. */
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { ROOT } from "./inputs.ts";

/**
 * Declares what mod.ts exports, and all that its types name.
 *
 * @returns texts by path, "mod.d.ts" among them
 * @throws Error with the compiler's messages
 */
export function declarations(): Record<string, string> {
  const root = fileURLToPath(ROOT);
  const files: Record<string, string> = {};
  const program = ts.createProgram([`${root}mod.ts`], {
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: root,
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    // `deno check` has checked it all
    noCheck: true,
    types: [],
  });
  const { diagnostics } = program.emit(undefined, (path, text) => {
    // what is imported as a .ts here lies as a .d.ts there, which TypeScript looks for under the name of a .js
    files[path.slice(root.length)] = text.replace(
      /((?:from|import)\s*\(?\s*"\.{1,2}\/[^"]+)\.ts"/g,
      '$1.js"',
    );
  });
  if (diagnostics.length > 0) {
    throw new Error(
      diagnostics.map((d) => ts.flattenDiagnosticMessageText(d.messageText, "\n")).join("\n"),
    );
  }
  return files;
}
