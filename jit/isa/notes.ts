/**
 * Where processors differ from each other or from the manual, and what we do: by instruction name.
 * docs/instructions.md prints them.
 */

export interface Note {
  /** Names of the rows it is about. */
  about: RegExp;
  text: string;
  /** Makers' processors differ in this, and the oracle's host need not agree with ours. */
  makersDiffer?: true;
}

export const NOTES: readonly Note[] = [
  {
    about: /^(shl|shr|sar|rol|ror|rcl|rcr)$/,
    text: "A count of zero leaves every flag alone. /6 is the undocumented alias of SHL.",
  },
  {
    about: /^sh[lr]d$/,
    makersDiffer: true,
    text:
      "With 16-bit operands a count above 16 leaves destination and flags undefined; we follow AMD's.",
  },
  {
    about: /^bs[fr]$/,
    text:
      "A zero source leaves the destination as it was, as Intel and AMD do. F3 before them is ignored: no TZCNT or LZCNT on the processor we show.",
  },
  {
    about: /^bswap$/,
    text:
      "A 16-bit operand (66 prefix) is undefined by the manual; the word is cleared, as on silicon.",
  },
  {
    about: /^(push_sreg)$/,
    makersDiffer: true,
    text:
      "A 32-bit push moves ESP by four and writes the low word only, as Intel's since the P6; AMD's write " +
      "all four bytes.",
  },
  {
    about: /^enter$/,
    text:
      "The write that the manual has the processor try at the final stack pointer is tried, and sets A " +
      "and D of that page.",
  },
  {
    about: /^(jcc|jmp|jmp_indirect|call|call_indirect|ret|loop|loope|loopne|jcxz)$/,
    text:
      "A near target beyond the limit of CS is #GP(0) in the transfer itself, with nothing changed.",
  },
  { about: /^salc$/, text: "Undocumented: AL becomes 0 or FF by CF." },
  {
    about: /^int1$/,
    text: "#DB that leaves DR6 as it is; the saved EIP is the next instruction's.",
  },
  {
    about: /^int$/,
    text:
      "Vectors 3, 4 and 0x80 are open to rings 1 and 3, 0x82 to ring 1, as in Xen's IDT; any other asks the " +
      "guest's trap table, and is #GP(8 n + 2) where that says no.",
  },
  {
    about: /^iret$/,
    text: "IF and IOPL are left alone; NT set is #GP(0), as there is no task return under Xen.",
  },
  {
    about: /^(iret|ret_far)$/,
    makersDiffer: true,
    text:
      "A bad selector that asks for another ring is #GP before the outer stack's words are read, as in the " +
      "manual; AMD's read them first, so that a page fault may come instead.",
  },
  {
    about: /^lar$/,
    makersDiffer: true,
    text: "Bits 16 to 19, undefined by the manual, read zero, as in the goldens.",
  },
  {
    about: /^(sldt|str|smsw|sgdt|sidt)$/,
    text:
      "Show what Xen 4.17 lets a 32-bit PV guest see: the hypervisor's own values, no #GP (no UMIP).",
  },
  {
    about: /^(sysret|sysexit)$/,
    text: "#GP(0) for a guest as for any ring but 0. SYSENTER and SYSCALL are not shown and #UD.",
  },
  {
    about: /^nop$/,
    makersDiffer: true,
    text:
      "The reserved NOPs 0F 18 to 0F 1F and the prefetches of 0F 0D; a register form of 0F 0D is #UD on " +
      "AMD's and a NOP here as on Intel's. Fences are NOPs, as memory is always in order.",
  },
  { about: /^clflush$/, text: "Faults as a byte read does, and does nothing else." },
  {
    about: /^(cpuid|rdtsc|rdtscp)$/,
    text:
      "What Xen 4.17 shows a PV guest (traps/cpuid.ts, events/clock.ts), not the host's values.",
  },
  {
    about: /^(f2xm1|fyl2x|fyl2xp1|fptan|fpatan|fsin|fcos|fsincos)$/,
    makersDiffer: true,
    text:
      "Within one unit in the last place of the host's processor, whose own algorithm is not documented; " +
      "C1 may differ then.",
  },
  {
    about: /^f(i?comp?|compp|ucom.*|comip?|tst)$/,
    makersDiffer: true,
    text:
      "With an unmasked IE or DE the condition codes are set all the same, as AMD does, and nothing is " +
      "popped; the Intel manual has them left alone.",
  },
  {
    about: /^f(cmov.*|u?comip?)$/,
    makersDiffer: true,
    text: "C1 stays unless the stack underflows, as AMD does; the manual leaves it open.",
  },
  {
    about: /^fld$/,
    makersDiffer: true,
    text: "A denormal is pushed even if that raises an unmasked DE, as AMD does.",
  },
  {
    about: /^fprem1?$/,
    makersDiffer: true,
    text:
      "Where there is no quotient (NaN, invalid) C0 and C3 stay, as AMD does. Of a difference of 64 and " +
      "more in exponents, 32 and the rest modulo 32 is taken off at a time.",
  },
  {
    about: /^(f2xm1|fyl2xp1)$/,
    makersDiffer: true,
    text: "Outside the range that the manual defines, x comes back, with PE, as AMD does.",
  },
  {
    about: /^(fstp|fxch|ffreep|fcomp?|fneni|fndisi|fnsetpm)$/,
    text:
      "Undocumented aliases are executed: D9 D8+i (pops an empty ST(0) without a fault), DD C8+i, DC D0+i, " +
      "DC D8+i, DE D0+i, DF C0+i to DF D8+i, and DB E0, E1, E4, which do nothing.",
  },
  {
    about: /^(fnstenv|fnsave|fxsave)$/,
    makersDiffer: true,
    text:
      "The last instruction's address and opcode are always kept, as on Intel's; AMD's may forget them " +
      "where no exception is pending.",
  },
  {
    about: /^(rcp|rsqrt)[ps]s$/,
    makersDiffer: true,
    text:
      "Estimates within the manual's bound, 1.5 * 2^-12, to the bit those of AMD's processors; every maker has a " +
      "table of its own.",
  },
  {
    about: /^cmpxchg$/,
    makersDiffer: true,
    text:
      "In 64-bit code a 32-bit destination register keeps its upper half if the comparison fails: it is " +
      "not written then, as on AMD.",
  },
  {
    about: /^(jcc|jmp|jmp_indirect|call|call_indirect|ret|loop|loope|loopne|jcxz)$/,
    text:
      "In 64-bit code prefix 66 is ignored, as on Intel; AMD's processors cut the target to 16 bits. The " +
      "oracle gives none.",
  },
];
