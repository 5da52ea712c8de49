// IN, OUT, INS, OUTS. A domain without devices has no ports: what its kernel permits reads as ones
// and writes nothing, but for two latches. Source: xen/arch/x86/pv/emul-priv-op.c, pv-abi.md §5.3.
import {
  AX,
  cpl,
  CX,
  DI,
  DX,
  fault,
  fault_pending,
  GP,
  gpr,
  insn_eip,
  set_eip,
  set_gpr,
  SI,
  UD,
} from "../cpu/state";
import { DF } from "../cpu/flags";
import { current_domain } from "../domains/domain";
import { charge } from "../events/clock";
import { hypervisor_entered } from "../events/deliver";
import { C_EFLAGS, C_STEP_ARMED, CPU, ES } from "../layout";
import { guest_read_linear, guest_write_linear } from "../pagetables/guest_copy";
import { segment_address } from "../segments/address";
import { debug_port_access, debug_take_data_hits } from "./debug_registers";
import { deliver_step } from "./deliver";
import { address_16, fetch_opcode, next_byte, op_16, op_lock, op_rep, op_segment } from "./fetch";
import { port_allowed } from "./iopl";

const RTC_INDEX: u32 = 0x70;
const PCI_ADDRESS: u32 = 0xcf8;
/** Elements that one REP instruction moves before the run loop looks for events. */
const CHUNK: u32 = 1024;
/** ns that an element is taken to last. */
const COST: u32 = 20;

const element = memory.data(4);

function port_read(port: u32, bytes: u32): u32 {
  if (port == PCI_ADDRESS && bytes == 4) return current_domain.pci_cf8;
  let value: u32 = bytes == 4 ? 0xffffffff : (1 << (bytes << 3)) - 1;
  const at = RTC_INDEX - port;
  if (at < bytes) value = (value & ~(0xff << (at << 3))) | (current_domain.port70 << (at << 3));
  return value;
}

function port_write(port: u32, bytes: u32, value: u32): void {
  if (port == PCI_ADDRESS && bytes == 4) current_domain.pci_cf8 = value;
  const at = RTC_INDEX - port;
  if (at < bytes) current_domain.port70 = (value >> (at << 3)) & 0xff;
}

function set_accumulator(value: u32, bytes: u32): void {
  if (bytes == 1) store<u8>(CPU + (AX << 3), <u8> value);
  else if (bytes == 2) store<u16>(CPU + (AX << 3), <u16> value);
  else set_gpr(AX, value);
}

/** One IN or OUT between the accumulator and a port. */
function single(port: u32, bytes: u32, out: bool): void {
  if (!port_allowed(port, bytes)) {
    fault(GP, 0);
    return;
  }
  if (out) port_write(port, bytes, gpr(AX));
  else set_accumulator(port_read(port, bytes), bytes);
  debug_port_access(port, bytes);
}

function index_value(reg: u32, mask: u32): u32 {
  return gpr(reg) & mask;
}
function index_add(reg: u32, mask: u32, by: u32): void {
  const value = gpr(reg);
  set_gpr(reg, (value & ~mask) | ((value + by) & mask));
}

/** Moves one element between memory and a port; false with its fault pending. */
function move_element(port: u32, bytes: u32, out: bool, mask: u32): bool {
  const user = cpl() == 3;
  if (out) {
    const address = segment_address(op_segment, index_value(SI, mask), bytes, false);
    if (address == ~0 || !guest_read_linear(element, address, bytes, user)) return false;
    port_write(
      port,
      bytes,
      bytes == 1 ? load<u8>(element) : bytes == 2 ? load<u16>(element) : load<u32>(element),
    );
    return true;
  }
  const address = segment_address(ES, index_value(DI, mask), bytes, true);
  if (address == ~0) return false;
  store<u32>(element, port_read(port, bytes));
  return guest_write_linear(address, element, bytes, user);
}

/** INS or OUTS, with or without REP: registers always tell what is done and what is left. */
function string(bytes: u32, out: bool): void {
  const mask: u32 = address_16 ? 0xffff : 0xffffffff;
  if (op_rep && index_value(CX, mask) == 0) return;
  const port = gpr(DX) & 0xffff;
  if (!port_allowed(port, bytes)) {
    fault(GP, 0);
    return;
  }
  const by = load<u32>(CPU + C_EFLAGS) & DF ? 0 - bytes : bytes;
  const most: u32 = load<u32>(CPU + C_STEP_ARMED) ? 1 : CHUNK;
  for (let n: u32 = 0; n < most; n++) {
    if (!move_element(port, bytes, out, mask)) return;
    debug_take_data_hits(); // the memory was touched by the hypervisor, not the guest
    charge(COST);
    const watched = debug_port_access(port, bytes);
    index_add(out ? SI : DI, mask, by);
    if (!op_rep) return;
    index_add(CX, mask, 0 - 1);
    if (index_value(CX, mask) == 0) return;
    if (watched) break;
  }
  set_eip(insn_eip()); // go on after events
}

/** IN OUT INS OUTS: which one it is is read from the bytes at C_INSN_EIP. */
export function insn_io(): void {
  hypervisor_entered();
  const opcode = fetch_opcode();
  const immediate = (opcode & 0xfc) == 0xe4 ? next_byte() : 0;
  if (fault_pending()) return;
  if (op_lock) {
    fault(UD, 0);
    return;
  }
  const bytes: u32 = opcode & 1 ? (op_16 ? 2 : 4) : 1;
  const out = (opcode & 2) != 0;
  if ((opcode & 0xfc) == 0x6c) string(bytes, out);
  else single((opcode & 0xfc) == 0xe4 ? immediate : gpr(DX) & 0xffff, bytes, out);
  // the trap of an I/O breakpoint, unless that of a step is due as well
  if (!fault_pending() && !load<u32>(CPU + C_STEP_ARMED)) deliver_step(false);
}
