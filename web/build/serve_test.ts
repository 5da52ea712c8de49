/** The server hands out the files of one folder, and nothing else. */
import assert from "node:assert/strict";
import { serve } from "./serve.ts";

Deno.test("serve: files with their types, and only those of the folder", async () => {
  const path = await Deno.makeTempDir();
  const folder = new URL(`file://${path}/site/`);
  await Deno.mkdir(folder);
  await Deno.writeTextFile(new URL("index.html", folder), "<p>here</p>");
  await Deno.writeFile(new URL("a-1.wasm", folder), Uint8Array.of(0, 97));
  await Deno.writeTextFile(new URL("../secret.js", folder), "secret");
  const server = serve(folder, 0);
  try {
    const base = `http://127.0.0.1:${server.addr.port}/`;
    const get = async (name: string, init?: RequestInit) => {
      const response = await fetch(base + name, init);
      return [response.status, response.headers.get("content-type"), await response.text()];
    };
    assert.deepEqual(await get(""), [200, "text/html; charset=utf-8", "<p>here</p>"]);
    assert.deepEqual(await get("a-1.wasm?v=1"), [200, "application/wasm", "\0a"]);
    assert.deepEqual(await get("index.html", { method: "HEAD" }), [
      200,
      "text/html; charset=utf-8",
      "",
    ]);
    for (const name of ["other.js", "..%2fsecret.js", "%2e%2e/secret.js", "//secret.js", "."]) {
      if (name === ".") assert.equal((await get(name))[0], 200); // the client makes it the root
      else assert.equal((await get(name))[0], 404, name);
    }
    assert.equal((await get("index.html", { method: "POST" }))[0], 405);
  } finally {
    await server.shutdown();
    await Deno.remove(path, { recursive: true });
  }
});
