/**
 * The FIFO ABI: a word for each port, linked into queues by priority, of which each vCPU has sixteen.
 * All words are the guest's to spoil; what it cannot reach is where a queue ends. event_channel.h.
 */
import { type Domain, QUEUES, type Vcpu } from "./domain.ts";
import { wakePollers } from "./two_level.ts";

export const PENDING = 2 ** 31, MASKED = 2 ** 30, LINKED = 2 ** 29, BUSY = 2 ** 28;
export const LINK = 2 ** 17 - 1;
const has = (word: number, bit: number) => Math.floor(word / bit) % 2 === 1;

/** A word of the guest's memory that can be read and written. */
interface Word {
  value: number;
}

function at(memory: Uint32Array, index: number): Word {
  return {
    get value() {
      return memory[index];
    },
    set value(v: number) {
      memory[index] = v >>> 0;
    },
  };
}

/** The word of a port, while the array reaches so far. */
export function wordOf(d: Domain, port: number): Word | undefined {
  const page = d.array[port >> 10];
  return page === undefined ? undefined : at(d.memory.get(page)!, port & 1023);
}

/** Word n of a vCPU's control block: 0 says which queues are ready, from 2 on stand their heads. */
function control(d: Domain, v: Vcpu, n: number): Word {
  const { page, offset } = v.control!;
  return at(d.memory.get(page)!, offset / 4 + n);
}

/** Events become pending in their word and, unless masked or queued already, at the end of a queue. */
export function setPending(d: Domain, port: number): void {
  const p = d.ports[port], word = wordOf(d, port);
  if (!word) {
    p.missed = true;
    return;
  }
  const before = word.value;
  word.value = before | PENDING;
  if (!has(before, MASKED) && !has(before, LINKED)) enqueue(d, port);
  if (!has(before, PENDING)) wakePollers(d, port);
}

function enqueue(d: Domain, port: number): void {
  const p = d.ports[port], v = d.vcpus[p.vcpu], word = wordOf(d, port)!;
  if (!v.control) return; // such a vCPU gets no events
  word.value |= LINKED;
  // nothing may be appended to it in the queue it was the last of
  const old = d.vcpus[p.last.vcpu].tails;
  if (old[p.last.priority] === port) old[p.last.priority] = 0;
  p.last = { vcpu: p.vcpu, priority: p.priority };
  const tail = v.tails[p.priority];
  v.tails[p.priority] = port;
  const last = tail ? wordOf(d, tail) : undefined;
  if (last && has(last.value, LINKED)) { // it is still in the queue
    last.value = (last.value & ~(BUSY | LINK)) | port;
    return;
  }
  control(d, v, 2 + p.priority).value = port;
  const ready = control(d, v, 0);
  const bit = 1 << p.priority;
  if (ready.value & bit) return;
  ready.value |= bit;
  v.mark();
}

export function unmask(d: Domain, port: number): void {
  const word = wordOf(d, port);
  if (!word) return;
  word.value &= ~MASKED;
  if (has(word.value, PENDING)) setPending(d, port);
}

export function isPending(d: Domain, port: number): boolean {
  const word = wordOf(d, port);
  return word !== undefined && has(word.value, PENDING);
}

/** A free port that is still in a queue cannot be given out. */
export function isQueued(d: Domain, port: number): boolean {
  const word = wordOf(d, port);
  return word !== undefined && has(word.value, LINKED);
}

/** The first control block of a domain chooses the ABI: what is pending is raised when its word exists. */
export function begin(d: Domain): void {
  d.fifo = true;
  d.array = [];
  for (const v of d.vcpus) {
    v.control = null;
    v.tails = Array(QUEUES).fill(0);
  }
  d.ports.forEach((p, port) => {
    p.priority = 7;
    p.last = { vcpu: 0, priority: 0 };
    p.missed = port > 0 && d.pending.has(port);
  });
}

export function expand(d: Domain, page: number): void {
  d.array.push(page);
  const first = (d.array.length - 1) * 1024;
  for (let port = first; port < first + 1024 && port < d.ports.length; port++) {
    if (!d.ports[port].missed) continue;
    d.ports[port].missed = false;
    setPending(d, port);
  }
}

/** Back to the 2-level ABI. */
export function end(d: Domain): void {
  d.fifo = false;
  d.array = [];
  for (const v of d.vcpus) v.control = null;
}
