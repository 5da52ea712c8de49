/** What `deno task boot --help` says. */
import { OPTION_NAMES, optionHelp } from "../options.ts";

export function helpText(): string {
  const options = OPTION_NAMES.map((name) => `      ${name.padEnd(14)} ${optionHelp(name)}`);
  return `usage: deno task boot [GUEST] [flags]

Boots a 32-bit PAE Xen PV guest. GUEST is a kernel image or the name of a built-in guest; the
built-in guest boots when none is given. The guest's console is this terminal (Ctrl-] leaves);
the hypervisor's log is on stderr.

  -m MIB               memory (64)
  -c CMDLINE           the kernel's command line
  -r RAMDISK           a file for the kernel's ramdisk
  --vcpus N            virtual processors (1)
  --time wall|virtual  clocks follow the host, or count the guest's instructions (wall)
  --timeout SECONDS    give up after so long
  --trace LIST         print a line for each hypercall, trap, event or mmu update (a,b,...)
  --option NAME[=on|off]
${options.join("\n")}
  --cpuid MASK         CPU features the guest is not told of, as in xl.cfg: no-ssse3,no-sse3,
                       host,sse2=0 or 1:ecx=xx…x0 (32 of 01xks); what needs them goes with them
  --no-reboot          a guest that reboots ends
  --no-jit             interpret only: no hot code is translated to WebAssembly
  --stdin-eof ignore   do not ask the guest to power off at the end of our input

exit status: 0 poweroff, 1 usage or image error, 2 timed out, 3 crashed, 4 any other end,
130 interrupted`;
}
