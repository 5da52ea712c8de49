/**
 * A stand-in for the core: memory, frames handed out in a scrambled order, and a record of calls. It
 * lets the builder be tested without a processor.
 */
import { Core, type CoreExports } from "../../../core/host/core.ts";
import { MACHINE } from "../../../core/wasm/layout.ts";

export interface FakeCore {
  core: Core;
  calls: string[];
  /** Bytes given to vcpu_set_context. */
  context(): DataView;
  /** Machine frame to page number. */
  m2p: Map<number, number>;
  sharedInfoMfn: number;
}

/** @param failing name of an export that answers -12 */
export function fakeCore(frames: number, failing = ""): FakeCore {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((MACHINE + frames * 4096) / 65536) });
  const calls: string[] = [];
  const m2p = new Map<number, number>();
  const sharedInfoMfn = frames - 1;
  let context: DataView = new DataView(new ArrayBuffer(0));
  let ports = 0;
  let next = 1;
  const step = 7919; // prime: frames come in no order
  const answer = (name: string, value: number) => {
    calls.push(name);
    return name === failing ? -12 : value;
  };
  const view = () => new DataView(memory.buffer);
  const exports = {
    memory,
    domain_create: () => answer("domain_create", 1),
    domain_destroy: () => answer("domain_destroy", 0),
    domain_populate(_domid: number, pfn: number, count: number, out: number): number {
      for (let i = 0; i < count; i++) {
        const mfn = (next++ * step) % (frames - 2) + 1;
        m2p.set(mfn, pfn + i);
        view().setUint32(out + i * 4, mfn, true);
      }
      return answer("domain_populate", 0);
    },
    domain_pin: (_domid: number, level: number) => answer(`domain_pin`, level === 3 ? 0 : -22),
    domain_shared_info: () => answer("domain_shared_info", sharedInfoMfn),
    domain_set_memory_map: () => 0,
    domain_hide_features: () => 0,
    host_grant_seed: (_domid: number, ref: number) => answer(`host_grant_seed ${ref}`, 0),
    host_evtchn_alloc: () => answer("host_evtchn_alloc", ++ports),
    vcpu_set_context(_domid: number, _vcpu: number, at: number): number {
      context = new DataView(memory.buffer.slice(at, at + 0xaf0));
      return answer("vcpu_set_context", 0);
    },
  };
  return {
    core: new Core(exports as unknown as CoreExports),
    calls,
    context: () => context,
    m2p,
    sharedInfoMfn,
  };
}
