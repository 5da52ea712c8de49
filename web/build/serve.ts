/** Serves a folder of static files on this computer alone. */

const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  wasm: "application/wasm",
  elf: "application/octet-stream",
};

/**
 * Serves the files that lie directly in a folder.
 *
 * @param folder a file URL that ends with a slash
 * @param port 0 for any that is free
 * @throws Deno.errors.AddrInUse when another program has the port
 */
export function serve(folder: URL, port: number): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, async (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response("only GET here\n", { status: 405, headers: { allow: "GET, HEAD" } });
    }
    const name = new URL(request.url).pathname.slice(1) || "index.html";
    // names of one part only: nothing outside the folder can be meant
    if (!/^[\w-]+(\.[\w-]+)*$/.test(name)) return notFound();
    let body: Uint8Array<ArrayBuffer>;
    try {
      body = await Deno.readFile(new URL(name, folder));
    } catch {
      return notFound();
    }
    const headers = {
      "content-type": TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream",
      "content-length": String(body.length),
      "cache-control": "no-cache",
    };
    return new Response(request.method === "HEAD" ? null : body, { headers });
  });
}

function notFound(): Response {
  return new Response("no such file\n", { status: 404 });
}
