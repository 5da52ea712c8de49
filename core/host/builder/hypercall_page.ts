/**
 * The page through which a guest makes hypercalls. Contents: pv-abi §3.1; Xen: arch/x86/pv/hypercall.c
 * (hypercall_page_initialise_ring1_kernel).
 */

const SLOTS = 128;
const SLOT_SIZE = 32;
const IRET = 23;

/** mov eax, number; int 0x82; ret */
const slot = (number: number) => [0xb8, number, 0, 0, 0, 0xcd, 0x82, 0xc3];

/** Guests jump to this one: push eax; mov eax, 23; int 0x82. It does not come back. */
const IRET_SLOT = [0x50, 0xb8, IRET, 0, 0, 0, 0xcd, 0x82];

/** Fills `page` for a 32-bit guest. The rest of each slot stays as it is. */
export function writeHypercallPage(page: Uint8Array): void {
  for (let number = 0; number < SLOTS; number++) {
    page.set(number === IRET ? IRET_SLOT : slot(number), number * SLOT_SIZE);
  }
}
