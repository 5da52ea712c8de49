// What this room gives the host and the generated interpreter.
export { tlb_fill as cpu_tlb_fill, tlb_known as cpu_tlb_known, tlb_probe as cpu_tlb_probe } from "./walk";
export { cpu_commit } from "./commit";
export { domain_pin } from "./cr3";
export { audit } from "./audit";
export { probe_access, probe_commit, probe_descriptor } from "./probe";
