import { cpioArchive } from "./tests/guests/cpio.ts";
await Deno.writeFile("/tmp/sse/rd", cpioArchive({ b: await Deno.readFile("/tmp/sse/b") }));
