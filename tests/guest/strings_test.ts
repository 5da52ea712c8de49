// The kernel's string routines against their meaning in JavaScript.

import assert from "node:assert/strict";
import fc from "fast-check";
import { array, fn, global, ret, u32 } from "../../guest/asm/mod.ts";
import { after_word, length_of, same } from "../../guest/kernel/strings.ts";
import { write } from "./native.ts";
import { runProgram } from "./run_program.ts";

/** What `after_word` means: how far behind the word the text goes on, or 0. */
function expectedRest(text: string, word: string): number {
  if (text === word) return text.length;
  if (!text.startsWith(word + " ")) return 0;
  return text.length - text.slice(word.length).trimStart().length;
}

Deno.test({
  name: "string routines",
  fn: async () => {
    const short = fc.string({ unit: fc.constantFrom("a", "b", " "), maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(short, short), { minLength: 30, maxLength: 60 }),
        async (pairs) => {
          const out = global("out", array(u32, pairs.length * 3));
          const main = fn("main", () => {
            pairs.forEach(([text, word], i) => {
              out.at(3 * i).set(length_of(text));
              out.at(3 * i + 1).set(same(text, word));
              const rest = after_word(text, word);
              // The distance from the text's start; 0 stays 0.
              out.at(3 * i + 2).set(rest.ne(0).times(rest.minus(text)));
            });
            write(out.address, pairs.length * 12);
            ret(0);
          });
          const { output } = await runProgram(main);
          assert.deepEqual(
            [...new Uint32Array(output.buffer)],
            pairs.flatMap((
              [text, word],
            ) => [text.length, +(text === word), expectedRest(text, word)]),
          );
        },
      ),
      { numRuns: 10 },
    );
  },
});
