// What only a core that knows 64-bit code exports: to the generated interpreter, and to its tests.
export { cpu_long_segment_address } from "./address";
export { long_begin, long_enter, long_host } from "./door";
export {
  cpu_long_enter,
  cpu_long_fpu_block,
  cpu_long_mask_move,
  cpu_long_vector_address,
  cpu_long_x87_store_wide,
} from "./memory";
export {
  cpu_long_cmps,
  cpu_long_lods,
  cpu_long_movs,
  cpu_long_scas,
  cpu_long_stos,
} from "./strings";
