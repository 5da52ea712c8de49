/**
 * Has a module's functions compiled before they are used. Engines compile a function when it is called first, and
 * that takes a hundred milliseconds for the largest regions: the thread that runs guests would stand still for it.
 * What one thread has had compiled, the others need not.
 */
import {
  CPU,
  JIT_PAGES,
  JIT_RESUMES,
  JUMP_CACHE,
  MACHINE,
  MAILBOX,
  TLB,
  TRACE,
} from "../../core/wasm/layout.ts";

/** Tags and pages made of it are never asked for. */
const NOTHING = 0xff;

let memory: WebAssembly.Memory | undefined;
let handlers: WebAssembly.Table | undefined;

/**
 * Calls each way in once, with state in which nothing happens: registers and budget are zero, so that no loop goes
 * round, and TLB, jump cache and the pages that regions are at work in have nothing in them, so that no memory of a guest is
 * accessed. An access at a made-up address could be beyond the memory, which engines find out by a signal; a browser
 * that has no handler for that (Debian's chromium-headless-shell) ends the tab.
 *
 * @param ended told of what ended a call
 */
export function warm(module: WebAssembly.Module, ended?: (error: unknown) => void): void {
  // as much as any region asks for; what is not touched takes nothing
  memory ??= new WebAssembly.Memory({ initial: MACHINE >>> 16 });
  const bytes = new Uint8Array(memory.buffer);
  bytes.fill(0, CPU, MAILBOX);
  bytes.fill(NOTHING, JIT_PAGES, JIT_RESUMES);
  bytes.fill(NOTHING, TLB, JUMP_CACHE);
  bytes.fill(NOTHING, JUMP_CACHE, TRACE);
  handlers ??= new WebAssembly.Table({ element: "anyfunc", initial: 1 });
  const env: WebAssembly.ModuleImports = { memory, handlers };
  for (const { name, kind } of WebAssembly.Module.imports(module)) {
    if (kind === "function") env[name] = () => 0;
  }
  const { exports } = new WebAssembly.Instance(module, { env });
  for (const enter of Object.values(exports)) {
    try {
      (enter as CallableFunction)(0);
    } catch (error) {
      // the handler that it would have gone on to is not there; it was compiled
      ended?.(error);
    }
  }
}
