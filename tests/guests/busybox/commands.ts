/** Programs of Debian's static 32-bit busybox: what they are given, and how a processor runs them. */

/** An applet with its arguments, and the file that its output goes to, if not to the console. */
export interface Command {
  argv: string[];
  output?: string;
}
const run = (...argv: string[]): Command => ({ argv });
const runInto = (output: string, ...argv: string[]): Command => ({ argv, output });

/** Numbers, fractions and words, the same each time. */
function makeInput(lines: number): string {
  let state = 0x2545f491;
  const next = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  const words = ["pear", "Fig", "apple", "quince", "Plum", "sloe", "medlar"];
  return Array.from({ length: lines }, () => {
    const fraction = (next(2_000_001) - 1_000_000) / 10 ** next(7);
    return `${next(10_000)} ${words[next(words.length)]} ${fraction} ${"=".repeat(next(40))}`;
  }).join("\n") + "\n";
}

/** Arithmetic in doubles: every operator, conversions both ways, rounding, very large and small. */
const STATISTICS = `
  { sum += $3; squares += $3 * $3; share[$2] += $3 / 7; x = x * 0.75 + $1; left = $3 % 17 }
  $3 > max { max = $3 }
  $3 < min { min = $3 }
  left != 0 { remainders += left / 3 }
  END {
    printf "%.10f %.6e %g %d\\n", sum, squares, x, NR
    printf "%.17g %.17g %.17g\\n", min, max, remainders
    for (i = 0; i < 6; i++) { w = substr("pear  Fig   apple quincePlum  sloe  ", i * 6 + 1, 6)
      sub(/ +$/, "", w); printf "%s %.12f %5.2f|%-9.3g|%+d\\n", w, share[w], share[w], share[w], int(share[w]) }
    big = 1; small = 1; for (i = 0; i < 400; i++) { big *= 7.5; small /= 7.5 }
    print big, small, 1e300 * 1e10, -1e300 * 1e10, 1 / 3, 1e16 + 1, 2147483648, -2147483649, 0.1 + 0.2
    printf "%c%s%5d%-5d|%x%o\\n", 65, "b", 42, 42, 255, 8
    h = 1; for (i = 1; i < 60; i++) { h = (h + 2 / h) / 2 }; print h, h * h - 2
  }`;

const encode = (text: string) => new TextEncoder().encode(text);
const input = encode(makeInput(1500));
/** The files that are there. */
export const FILES: Record<string, Uint8Array> = {
  input,
  copy: input,
  "statistics.awk": encode(STATISTICS),
  "loop.dc": encode("0 sn 1 sa [la ln 1 + d sn * d p sa ln 25 >x] sx lx x 10 k la 7 / p\n"),
};

export const WHOLE_NUMBERS: Command[] = [
  run("sha256sum", "input"),
  runInto("input.gz", "gzip", "-c", "input"),
  run("sha256sum", "input.gz"),
  run("gunzip", "-c", "input.gz"),
  run("gzip", "-9", "-f", "copy"),
  run("sha256sum", "copy.gz"),
  run("gunzip", "-f", "copy.gz"),
  run("cmp", "input", "copy"),
  runInto("sorted", "sort", "-k2,2", "-k1,1r", "input"),
  run("sha256sum", "sorted"),
  run("sed", "-n", "s/\\([a-z]*\\) \\(-*[0-9]*\\)/\\2 \\1/gp", "input"),
  run(
    "sh",
    "-c",
    "i=0; s=; while [ $i -lt 99 ]; do i=$((i + 7)); s=$s$((i % 5 - i / 3)); done; echo $s",
  ),
  run("sha512sum", "input"),
  run("dc", "-e", "30 k 2 v p 22 7 / p 2 200 ^ p 16 o 3735928559 p"),
  run("dc", "loop.dc"),
  run("cat", "no-such-file"),
];

/** awk computes in doubles only, and sort by numbers reads them as doubles. */
export const FLOATING_POINT: Command[] = [
  run("sort", "-n", "input"),
  run("sort", "-k2,2", "-k3,3gr", "input"),
  run("awk", '{ n[$2]++ } END { print n["Fig"], toupper("done"), length(n) }', "input"),
  run("awk", "-f", "statistics.awk", "input"),
  run("awk", "BEGIN { print sin(1) }"), // refused: Debian's is built without sin and its like
];

const quote = (word: string) => /^[\w.,/-]+$/.test(word) ? word : `'${word}'`;
export const line = (c: Command) => ["busybox", ...c.argv].map(quote).join(" ");

/**
 * Runs the commands with this machine's processor, or through another program that has one.
 *
 * @returns what the loader's console should show
 */
export async function natively(
  busybox: string,
  commands: Command[],
  through: string[] = [],
): Promise<Uint8Array> {
  const [program, ...before] = [...through, busybox];
  const folder = await Deno.makeTempDir();
  const shown: Uint8Array[] = [];
  const say = (text: string) => shown.push(new TextEncoder().encode(text));
  try {
    for (const [name, contents] of Object.entries(FILES)) {
      await Deno.writeFile(`${folder}/${name}`, contents);
    }
    for (const command of commands) {
      const { code, stdout, stderr } = await new Deno.Command(program, {
        args: [...before, ...command.argv],
        cwd: folder,
        clearEnv: true,
        env: { PATH: "/bin", TZ: "UTC0" },
        stdin: "null",
      }).output();
      const redirect = command.output ? ` > ${command.output}` : "";
      say(`$ ${line(command)}${redirect}\r\n`);
      if (command.output) await Deno.writeFile(`${folder}/${command.output}`, stdout);
      else shown.push(stdout);
      shown.push(stderr);
      say(`[status ${code}]\r\n`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return new Uint8Array(await new Blob(shown as BlobPart[]).arrayBuffer());
}

/** Splits what the console showed by the commands, for a difference that can be read. */
export const byCommand = (console: Uint8Array) =>
  new TextDecoder("latin1").decode(console).split(/^(?=\$ busybox )/m);
