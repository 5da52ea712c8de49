/**
 * Has a module's functions compiled before they are used. Engines compile a function when it is called first, and
 * that takes a hundred milliseconds for the largest regions: the thread that runs guests would stand still for it.
 * What one thread has had compiled, the others need not.
 */
import { MACHINE } from "../../core/wasm/layout.ts";
import { warmName } from "./build.ts";

/**
 * V8 optimises a function when some 13 million bytes of its machine code have been run (--wasm-tiering-budget, which
 * counts at a function's end how far into its code that is); here it is left after a hundred or more.
 */
export const ENOUGH = 200_000;

let memory: WebAssembly.Memory | undefined;
let handlers: WebAssembly.Table | undefined;

/**
 * Calls each region once, in the way in which nothing happens: no memory is looked at. An access beyond the memory would be
 * a trap that engines find out by a signal, and a browser that has no handler for that (Debian's
 * chromium-headless-shell) ends the tab.
 *
 * @param regions how many it has
 * @param calls of each: {@link ENOUGH} for V8 to have its optimising compiler begin as well, off this thread
 */
export function warm(module: WebAssembly.Module, regions: number, calls = 1): void {
  // as much as any region asks for; what is not touched takes nothing
  memory ??= new WebAssembly.Memory({ initial: MACHINE >>> 16 });
  handlers ??= new WebAssembly.Table({ element: "anyfunc", initial: 1 });
  const env: WebAssembly.ModuleImports = { memory, handlers };
  for (const { name, kind } of WebAssembly.Module.imports(module)) {
    if (kind === "function") env[name] = () => 0;
  }
  const { exports } = new WebAssembly.Instance(module, { env });
  for (let n = 0; n < regions; n++) {
    const call = exports[warmName(n)] as CallableFunction;
    for (let times = 0; times < calls; times++) call();
  }
}
