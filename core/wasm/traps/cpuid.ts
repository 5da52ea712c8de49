// CPUID: the leaves of the virtual processor. Source: Intel SDM volume 2, CPUID; pv-abi.md §6.
import { AX, BX, cpl, CX, DX, fault, GP, gpr, set_gpr } from "../cpu/state";
import { SIGNATURE } from "./cpu_features";
import { hypervisor_leaf } from "./cpuid_hypervisor";
import { cpuid_faults, extended_edx, leaf1_ecx, leaf1_edx } from "./cpuid_policy";

const MAX_BASIC: u32 = 0xa;
const MAX_EXTENDED: u32 = 0x80000008;
const EXTENDED_RANGE: u32 = 0x80000000;

let eax: u32 = 0;
let ebx: u32 = 0;
let ecx: u32 = 0;
let edx: u32 = 0;

/** Sets the four result registers. */
export function leaf(a: u32, b: u32, c: u32, d: u32): void {
  eax = a;
  ebx = b;
  ecx = c;
  edx = d;
}

// "Intel(R) Core(TM)2 CPU (Paravane)", zero-padded to three leaves of sixteen bytes.
const BRAND = memory.data<u8>([
  0x49,
  0x6e,
  0x74,
  0x65,
  0x6c,
  0x28,
  0x52,
  0x29,
  0x20,
  0x43,
  0x6f,
  0x72,
  0x65,
  0x28,
  0x54,
  0x4d,
  0x29,
  0x32,
  0x20,
  0x43,
  0x50,
  0x55,
  0x20,
  0x28,
  0x50,
  0x61,
  0x72,
  0x61,
  0x76,
  0x61,
  0x6e,
  0x65,
  0x29,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
]);

function brand(part: u32): void {
  const p = BRAND + (<usize> part << 4);
  leaf(load<u32>(p), load<u32>(p, 4), load<u32>(p, 8), load<u32>(p, 12));
}

/** Leaf 4: 32 KiB of data and of code, 8 ways; 4 MiB shared, 16 ways; lines of 64 bytes. */
function cache(index: u32): void {
  if (index == 0) leaf(0x121, 0x01c0003f, 63, 1);
  else if (index == 1) leaf(0x122, 0x01c0003f, 63, 1);
  else if (index == 2) leaf(0x143, 0x03c0003f, 4095, 1);
}

function basic(number: u32, index: u32): void {
  switch (number) {
    case 0:
      leaf(MAX_BASIC, 0x756e6547, 0x6c65746e, 0x49656e69); // GenuineIntel
      break;
    case 1:
      leaf(SIGNATURE, 0x800, leaf1_ecx(), leaf1_edx()); // CLFLUSH line: 8 * 8 bytes; APIC id 0
      break;
    case 2:
      leaf(0x05b0b101, 0x005657f0, 0, 0x2cb43049); // descriptors of the caches leaf 4 tells of
      break;
    case 4:
      cache(index);
      break;
  }
}

function extended(number: u32): void {
  switch (number) {
    case 0x80000000:
      leaf(MAX_EXTENDED, 0, 0, 0);
      break;
    case 0x80000001:
      leaf(0, 0, 0, extended_edx());
      break;
    case 0x80000002:
    case 0x80000003:
    case 0x80000004:
      brand(number - 0x80000002);
      break;
    case 0x80000006:
      leaf(0, 0, 0x10008040, 0); // second-level cache: 4096 KiB, 16 ways, 64-byte lines
      break;
    case 0x80000008:
      leaf(0x2024, 0, 0, 0); // 32 linear and 36 physical address bits
      break;
  }
}

/** Looks a leaf up into the result registers; unknown ones are zero. */
function cpuid(number: u32, index: u32): void {
  leaf(0, 0, 0, 0);
  const range = number & 0xffff0000;
  if (range == 0) basic(number, index);
  else if (range == EXTENDED_RANGE) extended(number);
  else if (range == 0x40000000) hypervisor_leaf(number, index);
}

/** CPUID of EAX and ECX, into EAX to EDX. */
export function cpuid_into_registers(): void {
  cpuid(gpr(AX), gpr(CX));
  set_gpr(AX, eax);
  set_gpr(BX, ebx);
  set_gpr(CX, ecx);
  set_gpr(DX, edx);
}

/**
 * The CPUID instruction: the policy's view, as Xen gives it where the processor lets CPUID fault. In a
 * user program it is #GP(0) when the kernel wants it so.
 */
export function insn_cpuid(): void {
  if (cpuid_faults(cpl())) fault(GP, 0);
  else cpuid_into_registers();
}
