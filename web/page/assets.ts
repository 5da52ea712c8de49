/** The files beside this one, under names that change with their contents. */

/** The build's hash; esbuild puts it here. */
declare const ASSET_VERSION: string;

/** Where a file of the page lies, wherever the page itself does. */
export function assetUrl(name: string): URL {
  return new URL(`${name}?v=${ASSET_VERSION}`, import.meta.url);
}

/**
 * The bytes of a file of the page.
 *
 * @throws Error when it cannot be had, with a line for people
 */
export async function fetchAsset(name: string): Promise<Uint8Array<ArrayBuffer>> {
  let response: Response;
  try {
    response = await fetch(assetUrl(name));
  } catch {
    throw new Error(`${name} cannot be fetched: is the page's host still there?`);
  }
  if (!response.ok) {
    throw new Error(`${name} cannot be fetched: the page's host answers ${response.status}`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

let compiled: Promise<WebAssembly.Module> | null = null;

/** paravane.wasm, fetched and compiled once for all machines of the page. */
export function hypervisor(): Promise<WebAssembly.Module> {
  compiled ??= fetchAsset("paravane.wasm").then((bytes) => WebAssembly.compile(bytes));
  compiled.catch(() => compiled = null);
  return compiled;
}
