/**
 * A kernel in nothing but WebAssembly's own API: no code of Paravane's on this side, only the module and
 * a machine image. Runs in Node and in Deno:
 *
 *     deno task build
 *     node examples/bare.mjs        (or deno run -A), which runs the built-in guest
 *     node examples/bare.mjs paravane.wasm MACHINE-IMAGE        another, as `deno task image` wrote it
 *
 * What each export means stands in docs/embedding.md.
 */
import { Buffer } from "node:buffer";
import fs from "node:fs";
import process from "node:process";

const built = (name) => new URL(`../dist/${name}`, import.meta.url);
const [modulePath, imagePath] = process.argv.length > 3
  ? process.argv.slice(2)
  : [built("paravane.wasm"), built("skiff.image")];

// ---- the image: see "Machine images" in docs/embedding.md --------------------------------------------

const gunzip = new DecompressionStream("gzip");
const packed = new Blob([fs.readFileSync(imagePath)]).stream().pipeThrough(gunzip);
const image = await new Response(packed).arrayBuffer();
const head = new DataView(image);
const word = (at) => head.getUint32(at, true);
const [domains, pages, globals, regions] = [12, 16, 20, 24].map(word);
const globalsAt = 72 + 64 * domains;
const regionsAt = globalsAt + 8 * globals;
/** The first domain: where its console's ring lies, and the port that tells it of input. */
const domid = word(72), ringAt = word(76), consolePort = word(80);

// ---- the module ---------------------------------------------------------------------------------------

const began = performance.now();
const frozenAt = head.getBigUint64(64, true);
const text = (at, length) =>
  new TextDecoder().decode(new Uint8Array(instance.exports.memory.buffer, at, length));
const imports = {
  env: {
    log: (_kind, _domid, at, length) => console.error(text(at, length)),
    trace() {},
    clock: () => frozenAt + BigInt(Math.round((performance.now() - began) * 1e6)),
    wall: () => BigInt(Date.now()) * 1_000_000n,
  },
};
const { instance } = await WebAssembly.instantiate(fs.readFileSync(modulePath), imports);
const x = instance.exports;
if (x.abi_version() !== word(28)) throw new Error("the image is for another version of the module");

x.memory.grow(pages - x.memory.buffer.byteLength / 65536);
let data = regionsAt + 8 * regions;
for (let i = 0; i < regions; i++) {
  const address = word(regionsAt + 8 * i), length = word(regionsAt + 8 * i + 4);
  new Uint8Array(x.memory.buffer, address, length).set(new Uint8Array(image, data, length));
  data += length;
}
const MAILBOX = 0x4000; // where arrays pass between host and module
new Uint8Array(x.memory.buffer, MAILBOX, 8 * globals)
  .set(new Uint8Array(image, globalsAt, 8 * globals));
x.machine_thaw(MAILBOX);

// ---- the console: a ring of 1024 bytes in and one of 2048 bytes out (Xen's io/console.h) -----------------

const ring = new DataView(x.memory.buffer, ringAt, 4096);
const [IN_CONS, IN_PROD, OUT_CONS, OUT_PROD] = [0xc00, 0xc04, 0xc08, 0xc0c];
const get = (at) => ring.getUint32(at, true);
let typed = Buffer.alloc(0);

/** Moves bytes both ways and tells the guest if any moved. */
function service() {
  let moved = false;
  const out = [];
  let cons = get(OUT_CONS);
  while (cons !== get(OUT_PROD) && out.length < 2048) {
    out.push(ring.getUint8(0x400 + (cons++ & 2047)));
  }
  if (out.length) {
    ring.setUint32(OUT_CONS, cons, true);
    process.stdout.write(Buffer.from(out));
    moved = true;
  }
  let prod = get(IN_PROD);
  while (typed.length && ((prod - get(IN_CONS)) >>> 0) < 1024) {
    ring.setUint8(prod++ & 1023, typed[0]);
    typed = typed.subarray(1);
    moved = true;
  }
  ring.setUint32(IN_PROD, prod, true);
  if (moved) x.host_evtchn_notify(domid, consolePort);
}

// ---- time goes by ----------------------------------------------------------------------------------------

const SLICE = 200_000; // instructions, about a millisecond
const IDLE = 0, SHUT_DOWN = 2;
let wake = () => {};
process.stdin.on("data", (bytes) => {
  typed = Buffer.concat([typed, bytes]);
  wake();
});

/** Milliseconds for which nothing can happen; 0 when a guest can run. */
function idleTime(result) {
  if (result !== IDLE || typed.length) return 0;
  const deadline = x.machine_deadline();
  return deadline < 0n ? Infinity : Math.max(0, Number(deadline - imports.env.clock()) / 1e6);
}

while (x.domain_state(domid) < SHUT_DOWN) {
  const turn = performance.now();
  let idle = 0;
  // the event loop gets its turn after 8 ms, or at once when no guest can run
  while (idle === 0 && performance.now() - turn < 8 && x.domain_state(domid) < SHUT_DOWN) {
    idle = idleTime(x.machine_run(imports.env.clock(), SLICE));
    service();
  }
  await new Promise((done) => {
    wake = done;
    setTimeout(done, Math.min(idle, 1000));
  });
}
service();
const code = x.domain_shutdown_code(domid);
console.error(`the guest ended with ${code}`);
process.exit(code);
