/** What the rig calls of the module with its insides laid open. */
export interface Exports {
  memory: WebAssembly.Memory;
  machine_init(frames: number): number;
  machine_grow(frames: number): number;
  machine_size(): number;
  machine_free_frames(): number;
  time_init(virtual: number, frequency: bigint): number;
  domain_create(vcpus: number, pages: number, options: number): number;
  domain_populate(domid: number, pfn: number, count: number, out: number): number;
  domain_pin(domid: number, level: number, mfn: number): number;
  domain_shared_info(domid: number): number;
  domain_pause(domid: number): number;
  domain_unpause(domid: number): number;
  domain_destroy(domid: number): number;
  domain_state(domid: number): number;
  vcpu_set_context(domid: number, vcpu: number, context: number): number;
  slice_begin(now: bigint, budget: number): number;
  slice_end(): number;
  hypercall(
    nr: number,
    a1: number,
    a2: number,
    a3: number,
    a4: number,
    a5: number,
  ): number;
  audit(domid: number): number;
  probe_access(address: bigint, size: number, access: number, cpl: number): number;
  probe_commit(): number;
  probe_descriptor(selector: number): number;
  inspect_cr3(domid: number, vcpu: number): number;
  inspect_current(): number;
  inspect_cpu(domid: number, vcpu: number): number;
  machine_run(now: bigint, budget: number): number;
}
