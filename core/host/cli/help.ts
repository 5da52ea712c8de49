/** What `deno task boot --help` says. */
import { OPTION_NAMES, optionHelp } from "../options.ts";

export function helpText(): string {
  const options = OPTION_NAMES.map((name) => `      ${name.padEnd(14)} ${optionHelp(name)}`);
  return `usage: deno task boot [GUEST] [flags] [--and [GUEST] [flags]]...

Boots 32-bit PAE Xen PV guests. GUEST is a kernel image or the name of a built-in guest; the
built-in guest boots when none is given. The guest's console is this terminal (Ctrl-] leaves);
the hypervisor's log is on stderr.

With --and several guests share the machine. Each line of a console then begins with its guest's
name. Input goes to the first guest; Ctrl-a three times gives it to the next, and so does that
guest's end. One guest's end leaves the others running.

Of each guest:
  -m MIB               memory (64, at most 4000)
  --maxmem MIB         what it may grow to (its memory)
  -c CMDLINE           the kernel's command line
  -r RAMDISK           a file for the kernel's ramdisk
  --vcpus N            virtual processors (1)
  --name NAME          what it is called (the image's name, when there are several)
  --option NAME[=on|off]
${options.join("\n")}
  --cpuid MASK         CPU features the guest is not told of, as in xl.cfg: no-ssse3,no-sse3,
                       host,sse2=0 or 1:ecx=xx…x0 (32 of 01xks); what needs them goes with them
  --no-reboot          a guest that reboots ends
Of the machine, wherever they stand:
  --time wall|virtual  clocks follow the host, or count the guests' instructions (wall)
  --timeout SECONDS    give up after so long
  --trace LIST         print a line for each hypercall, trap, event, mmu update or batch
                       of translations, by the name jit (a,b,...)
  --jit MODE           off: translate no code to WebAssembly; quick: what is hot; on: and optimise
                       what is hottest, where Binaryen is installed; always: all (on)
  --stdin-eof ignore   do not ask the guests to power off at the end of our input

exit status: 0 poweroff, 1 usage or image error, 2 timed out, 3 crashed, 4 any other end,
130 interrupted; of several guests 3 if any crashed, else 4 if any came to another end than
poweroff, else 0`;
}
