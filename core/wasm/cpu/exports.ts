export { eflags as cpu_eflags, set_eflags as cpu_set_eflags } from "./flags";
export { update_mode as cpu_update_mode } from "./state";
export { vcpu_alloc as x1 } from "../domains/domain";
export { page as x2 } from "../frames/page";
