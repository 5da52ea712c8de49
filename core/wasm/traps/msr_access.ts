// RDMSR and WRMSR: which registers a domain may read and write.
// Source: xen/arch/x86/msr.c and pv/emul-priv-op.c, pv-abi.md §5.5; golden lines msr.*.
import { AX, CX, DX, fault, GP, gpr, set_gpr } from "../cpu/state";
import { current, current_domain, OPT_MSR_RELAXED } from "../domains/domain";
import { read_tsc } from "../events/clock";
import { EFER } from "./cpu_features";
import { faulting_offered } from "./cpuid_policy";
import { write_hypercall_page } from "./hypercall_page";
import { trap_present } from "./table";

const TSC: u32 = 0x10;
const PLATFORM_ID: u32 = 0x17;
const APIC_BASE: u32 = 0x1b;
const FEATURE_CONTROL: u32 = 0x3a;
const UCODE_REV: u32 = 0x8b;
const PLATFORM_INFO: u32 = 0xce;
const MPERF: u32 = 0xe7;
const APERF: u32 = 0xe8;
const MISC_FEATURES: u32 = 0x140;
const MCG_CAP: u32 = 0x179;
const MCG_STATUS: u32 = 0x17a;
const PERF_STATUS: u32 = 0x198;
const PERF_CTL: u32 = 0x199;
const THERM_STATUS: u32 = 0x19c;
const MISC_ENABLE: u32 = 0x1a0;
const ENERGY_PERF_BIAS: u32 = 0x1b0;
const CR_PAT: u32 = 0x277;
const PERF_CAPABILITIES: u32 = 0x345;
const MC0_CTL: u32 = 0x400;
const MSR_EFER: u32 = 0xc0000080;
const XEN_HYPERCALL: u32 = 0x40000000;

/** In PLATFORM_INFO: bit 0 of MISC_FEATURES may be set, and CPUID then faults in user programs. */
const PLATFORM_CPUID_FAULTING: u64 = 0x80000000;
/** Banks of machine-check registers, four each, that a domain sees. */
const MC_BANKS: u32 = 2;
const XEN_PAT: u64 = 0x050100070406;
const APIC_ADDRESS: u64 = 0xfee00800;
const APIC_BOOT_CPU: u64 = 0x100;
/** Fast strings on; branch trace and precise sampling not available. */
const MISC_ENABLE_VALUE: u64 = 0x1801;
const GP_VECTOR: u32 = 13;

let value: u64 = 0;

function found(v: u64): bool {
  value = v;
  return true;
}

/** Reads an MSR that a domain may read into `value`. */
function read(msr: u32): bool {
  if (msr - MC0_CTL < MC_BANKS * 4) return found((msr & 3) == 0 ? ~0 : 0);
  switch (msr) {
    case TSC:
      return found(read_tsc());
    case APIC_BASE:
      return found(APIC_ADDRESS | (current.id == 0 ? APIC_BOOT_CPU : 0));
    case MSR_EFER:
      return found(EFER);
    case CR_PAT:
      return found(XEN_PAT);
    case FEATURE_CONTROL:
      return found(1); // locked
    case MISC_ENABLE:
      return found(MISC_ENABLE_VALUE);
    case MCG_CAP:
      return found(MC_BANKS);
    case PLATFORM_INFO:
      return found(faulting_offered() ? PLATFORM_CPUID_FAULTING : 0);
    case MISC_FEATURES:
      return found(current.cpuid_faulting);
    case PLATFORM_ID:
    case UCODE_REV:
    case MCG_STATUS:
    case PERF_STATUS:
    case PERF_CTL:
    case THERM_STATUS:
    case PERF_CAPABILITIES:
    case XEN_HYPERCALL:
      return found(0);
    default:
      return false;
  }
}

/** MSRs that the processor has though no domain may read them; see rdmsr. */
function exists(msr: u32): bool {
  return (msr >= 0x174 && msr <= 0x176) || (msr >= 0x200 && msr <= 0x20f) ||
    (msr >= 0x268 && msr <= 0x26f) ||
    (msr >= 0xc0000081 && msr <= 0xc0000084) || (msr >= 0xc0000100 && msr <= 0xc0000102) ||
    msr == 0xc1 || msr == 0xc2 || msr == MPERF || msr == APERF || msr == 0xfe || msr == 0x186 ||
    msr == 0x187 ||
    msr == 0x19a || msr == 0x19b || msr == 0x1d9 || msr == 0x250 || msr == 0x258 || msr == 0x259 ||
    msr == 0x2ff;
}

/** Whether the domain was made to be spared the #GP of MSRs that exist. */
function relaxed(): bool {
  return (current_domain.options & OPT_MSR_RELAXED) != 0;
}

/**
 * RDMSR by the kernel. While the guest has no #GP handler, an MSR that exists and is refused reads
 * zero: old kernels read some before they can take faults. So it does for a relaxed domain.
 */
export function rdmsr(): void {
  const msr = gpr(CX);
  if (!read(msr)) {
    if (!exists(msr) || (trap_present(GP_VECTOR) && !relaxed())) {
      fault(GP, 0);
      return;
    }
    value = 0;
  }
  set_gpr(AX, <u32> value);
  set_gpr(DX, <u32> (value >> 32));
}

/** Whether a write is accepted; most accepted ones do nothing. */
function write(msr: u32, v: u64): bool {
  if (msr - MC0_CTL < MC_BANKS * 4) return true;
  switch (msr) {
    case MSR_EFER:
      return v == EFER;
    case XEN_HYPERCALL:
      return write_hypercall_page(v);
    case UCODE_REV: // written 0 before it is read, as the manual asks
      return v == 0;
    case MISC_FEATURES:
      if (v & ~<u64> (faulting_offered() ? 1 : 0)) return false;
      current.cpuid_faulting = <u32> v;
      return true;
    case MISC_ENABLE:
    case MCG_STATUS:
    case PERF_CTL:
    case MPERF:
    case APERF:
    case ENERGY_PERF_BIAS:
      return true;
    default:
      return false;
  }
}

/** WRMSR by the kernel: #GP(0) for what is not accepted, but of a relaxed domain's that exist. */
export function wrmsr(): void {
  const msr = gpr(CX);
  const value = <u64> gpr(AX) | (<u64> gpr(DX) << 32);
  if (!write(msr, value) && !(relaxed() && exists(msr))) fault(GP, 0);
}
