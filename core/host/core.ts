/**
 * The core as the host sees it: the functions it exports and the memory they share.
 *
 * The numbers of every structure's place come from core/wasm/layout.ts; the meaning of each function
 * is told in core/wasm/README.md under "What the host calls".
 */
import { C_BUDGET, C_RETIRED_END, CPU, MACHINE, MAILBOX, MAILBOX_SIZE } from "../wasm/layout.ts";

/** Bytes in a page and in a machine frame. */
export const PAGE_SIZE = 4096;

/** What `machine_run` answers. */
export const RUN_IDLE = 0;
export const RUN_MORE = 1;
export const RUN_HOST = 2;

/** Functions of the core that the host calls. Results are 0, a value, or a negative errno. */
export interface CoreExports {
  /** Recounts every reference and type count of a domain's memory; returns how many are wrong. */
  audit(domid: number): number;
  readonly memory: WebAssembly.Memory;

  machine_init(frames: number): number;
  machine_grow(frames: number): number;
  /** Frames of the machine, its own among them. */
  machine_size(): number;
  machine_free_frames(): number;
  machine_run(now: bigint, budget: number): number;
  slice_used(): number;
  machine_deadline(): bigint;
  trace_set(mask: number): void;
  time_init(isVirtual: number, wall: bigint): void;

  domain_create(maxVcpus: number, maxPages: number, options: number): number;
  domain_populate(domid: number, pfn: number, count: number, out: number): number;
  domain_pin(domid: number, level: number, mfn: number): number;
  domain_shared_info(domid: number): number;
  vcpu_set_context(domid: number, vcpu: number, context: number): number;
  domain_unpause(domid: number): number;
  domain_pause(domid: number): number;
  domain_destroy(domid: number): number;
  domain_kill(domid: number): number;
  machine_reclaim(frames: number): number;
  domain_state(domid: number): number;
  domain_shutdown_code(domid: number): number;
  domain_crash_reason(domid: number): number;
  domain_hide_features(domid: number, ecx: number, edx: number, extended: number): number;
  domain_set_handle(domid: number, handle: number): number;
  domain_set_limits(domid: number, grantFrames: number, maptrack: number, ports: number): number;
  domain_set_memory_map(domid: number, pages: number): number;
  domain_frames(domid: number): number;

  host_hold_frame(domid: number, mfn: number): number;
  host_release_frame(mfn: number): void;
  host_grant_seed(domid: number, ref: number, mfn: number): number;
  host_evtchn_alloc(domid: number): number;
  host_evtchn_bind(domid: number, port: number): number;
  host_evtchn_notify(domid: number, port: number): void;
  host_evtchn_inject(domid: number, port: number): number;
  host_virq(domid: number, vcpu: number, virq: number): number;
  machine_step_mode(on: number): void;
  host_next_caller(): number;
  host_evtchn_poll(domid: number, out: number, max: number): number;
}

/**
 * @internal An instance of the core with views on its memory.
 *
 * Views are made anew on every use, because growing the memory detaches the buffer under the old
 * ones: do not keep one across a call into the core.
 */
export class Core {
  /** @internal */
  constructor(readonly exports: CoreExports) {}

  /** All of linear memory as bytes. */
  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.exports.memory.buffer as ArrayBuffer);
  }

  /** All of linear memory for reads and writes of any width. */
  view(): DataView<ArrayBuffer> {
    return new DataView(this.exports.memory.buffer as ArrayBuffer);
  }

  /** Instructions that guests have run up to now. */
  retired(): number {
    const view = this.view();
    return Number(view.getBigUint64(CPU + C_RETIRED_END, true)) -
      view.getInt32(CPU + C_BUDGET, true);
  }

  /** Linear address of the first byte of machine frame `mfn`. */
  frameAddress(mfn: number): number {
    return MACHINE + mfn * PAGE_SIZE;
  }

  /** The 4096 bytes of machine frame `mfn`. */
  frame(mfn: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(
      this.exports.memory.buffer as ArrayBuffer,
      this.frameAddress(mfn),
      PAGE_SIZE,
    );
  }

  /** Linear address of the area through which arrays pass between host and core. */
  get mailbox(): number {
    return MAILBOX;
  }

  /** Copies `data` into the mailbox and returns its address. Throws RangeError when it is too long. */
  post(data: Uint8Array): number {
    if (data.length > MAILBOX_SIZE) throw new RangeError("longer than the mailbox");
    this.bytes().set(data, MAILBOX);
    return MAILBOX;
  }

  /** An AssemblyScript string constant (UTF-16, its length in bytes in the word before it). */
  string(address: number): string {
    if (address === 0) return "";
    const length = this.view().getUint32(address - 4, true);
    return new TextDecoder("utf-16le").decode(this.bytes().slice(address, address + length));
  }
}
