// console_io: a line to the hypervisor's own log (xen/drivers/char/console.c).
import { current_domain, Domain, OPT_CONSOLE_IO } from "../domains/domain";
import { EFAULT, ENOSYS, EPERM } from "../errno";
import { charge } from "../events/clock";
import { copy_from_guest } from "../pagetables/guest_copy";
import { call_again } from "./continuation";

// @ts-ignore: decorator
@external("env", "log")
declare function env_log(kind: u32, domid: u32, ptr: usize, len: u32): void;

const LOG_GUEST: u32 = 0;
const WRITE: u32 = 0;
const READ: u32 = 1;
/** Longest line kept back; a longer one is handed on in parts. */
const LINE: u32 = 252;
const PART: u32 = 128;
/** Bytes taken before the guest is given a chance to take events. */
const BATCH: u32 = 8192;

const part = memory.data(128);

/** Bytes at Domain.console, the line buffer: length u32, then LINE bytes. */
export const CONSOLE_SIZE: usize = 4 + LINE;

/** Hands the unfinished line of a domain to the host's log. */
export function console_flush(d: Domain): void {
  const length = load<u32>(d.console);
  if (length) env_log(LOG_GUEST, d.id, d.console + 4, length);
  store<u32>(d.console, 0);
}

function put(d: Domain, line: usize, c: u32): void {
  let length = load<u32>(line);
  if (c == 10) {
    env_log(LOG_GUEST, d.id, line + 4, length);
    store<u32>(line, 0);
    return;
  }
  if (c != 9 && (c < 32 || c > 126)) return;
  if (length == LINE) {
    console_flush(d);
    length = 0;
  }
  store<u8>(line + 4 + length, <u8> c);
  store<u32>(line, length + 1);
}

/**
 * CONSOLEIO_write hands printable text to env.log a line at a time, without its newline;
 * CONSOLEIO_read finds nothing to read. Both need the domain option that a debug build of Xen
 * stands for; without it every call is -EPERM, as in a release build.
 *
 * @param count bytes
 * @param at guest address
 * @returns 0, -EPERM, -EFAULT, -ENOSYS
 */
export function do_console_io(cmd: u32, count: u32, at: u64): i32 {
  const d = current_domain;
  if (!(d.options & OPT_CONSOLE_IO)) return -EPERM;
  if (cmd == READ) return 0;
  if (cmd != WRITE) return -ENOSYS;
  const line = d.console;
  let done: u32 = 0;
  while (done < count) {
    if (done == BATCH) return call_again(cmd, count - done, <u32> at + done);
    const n = count - done < PART ? count - done : PART;
    if (copy_from_guest(part, at + done, n)) return -EFAULT;
    for (let i: u32 = 0; i < n; i++) put(d, line, load<u8>(part + i));
    charge(n);
    done += n;
  }
  return 0;
}
