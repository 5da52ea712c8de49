/**
 * What ../shared/conformance's guest observes at its start, read out of the memory of a domain that
 * was built: the same questions in the same words, so that its golden is the expectation.
 */
import { PAGE_SIZE } from "../../../core/host/core.ts";
import type { BuiltDomain } from "../../../core/host/builder/build.ts";
import type { FakeCore } from "./fake_core.ts";

const FLAGS = 0xf9f; // all but accessed and dirty

const signed = (n: number) => (n < 0 ? `${n}` : `+${n}`);
const hex = (n: number) => (n >>> 0).toString(16);

/** The guest's memory as its own code sees it. */
export class Observer {
  readonly #context: DataView;
  readonly startInfo: DataView;

  constructor(readonly fake: FakeCore, readonly built: BuiltDomain) {
    this.#context = fake.context();
    this.startInfo = this.#page(built.mfns[built.plan.layout.startInfo.pfn]);
  }

  #page(mfn: number): DataView {
    const page = this.fake.core.frame(mfn);
    return new DataView(page.buffer, page.byteOffset, PAGE_SIZE);
  }

  /** Frame of the top table, from CR3. */
  get topTable(): number {
    const cr3 = this.#context.getUint32(0xa9c + 12, true);
    return ((cr3 >>> 12) | (cr3 << 20)) >>> 0;
  }

  register(offset: number): number {
    return this.#context.getUint32(0x204 + offset, true);
  }

  /** Entry `index` of table `mfn`. */
  entry(mfn: number, index: number): bigint {
    return this.#page(mfn).getBigUint64(index * 8, true);
  }

  /** The level 1 entry for a virtual address, or 0 where a table is missing. */
  leaf(va: number): bigint {
    let table = this.topTable;
    for (const shift of [30, 21]) {
      const entry = this.entry(table, Math.floor(va / 2 ** shift) % (shift === 30 ? 4 : 512));
      if ((entry & 1n) === 0n) return 0n;
      table = Number(entry >> 12n);
    }
    return this.entry(table, Math.floor(va / 4096) % 512);
  }

  /** Page number a virtual address is mapped to. */
  pfnAt(va: number): number {
    return this.fake.m2p.get(Number(this.leaf(va) >> 12n))!;
  }

  info(offset: number): number {
    return this.startInfo.getUint32(offset, true);
  }

  /** The lines of the golden's subject `start` that depend on the builder alone. */
  lines(imageEnd: number): string[] {
    const base = Number(this.built.plan.layout.virtBase);
    const pfnOf = (va: number) => (va - base) / 4096;
    const m2p = (mfn: number) => this.fake.m2p.get(mfn) ?? 0xffffffff;
    const me = pfnOf(this.register(0x0c));
    const [nrPages, ptBase, nrPt, mfnList] = [0x20, 0x3c, 0x40, 0x44].map((at) => this.info(at));
    const p2mPages = Math.ceil(nrPages * 4 / 4096);
    const esp = this.register(0x2c);
    const lines = [
      `start.cs: ${hex(this.register(0x24))}`,
      `start.ss: ${hex(this.register(0x30))}`,
      `start.ds_es_fs_gs: ${[0x38, 0x34, 0x3c, 0x40].map((r) => hex(this.register(r))).join(" ")}`,
      `start.eflags: ${hex((this.register(0x28) | 2) & ~0x8d5)}`,
      `start.gpr: eax=${hex(this.register(0x18))} ebx=${hex(this.register(0))} ` +
      `ecx=${hex(this.register(4))} edx=${hex(this.register(8))} edi=${hex(this.register(0x10))} ` +
      `ebp=${hex(this.register(0x14))}`,
      `start.esi_is_start_info: page=${hex(this.register(0x0c) & 0xfff)} above_image=${
        Number(this.register(0x0c) >= imageEnd)
      }`,
      `start.esp: page=${hex(esp & 0xfff)}`,
      `start.magic: ${this.#text(0)}`,
      `start.flags: ${hex(this.info(0x28) & 0xff)}`,
      `start.mod: ${hex(this.info(0x48))} ${hex(this.info(0x4c))}`,
      `start.first_p2m: ${hex(this.info(0x450))} ${hex(this.info(0x454))}`,
      `start.nr_pt_frames: ${nrPt}`,
      `start.shared_info: offset=${hex(this.info(0x24) & 0xfff)} m2p=${
        hex(m2p(this.info(0x24) / 4096))
      }`,
      `start.ports: store=${this.info(0x30)} console=${this.info(0x38)}`,
      `start.order: p2m=${signed(pfnOf(mfnList) + p2mPages - me)} store=${
        signed(m2p(this.info(0x2c)) - me)
      } console=${signed(m2p(this.info(0x34)) - me)} pt=${signed(pfnOf(ptBase) - me)} stack_top=${
        signed(pfnOf(esp) - pfnOf(ptBase) - nrPt)
      }`,
      `start.p2m_after_image: ${signed(pfnOf(mfnList) - pfnOf(imageEnd))}`,
      ...this.#mapping(base, ptBase, nrPt),
      ...this.#upperLevels(base),
      `start.p2m_m2p: mismatches=${
        Array.from({ length: nrPages }, (_, i) => i)
          .filter((i) => m2p(this.p2m(i)) !== i).length
      }`,
      `start.cr3_is_l3: ${Number(this.pfnAt(ptBase) === m2p(this.topTable))}`,
    ];
    const shared = this.#page(this.built.sharedInfoMfn);
    let others = 0;
    for (let i = 1; i < 32; i++) others += shared.getUint8(i * 64 + 1);
    lines.push(
      `start.vcpu_info: pending=${shared.getUint8(0)} mask=${shared.getUint8(1)} sel=${
        shared.getUint32(4, true)
      } others_mask_sum=${hex(others)}`,
    );
    return lines;
  }

  /** Entry `pfn` of the guest's P2M list. */
  p2m(pfn: number): number {
    const at = this.info(0x44) + pfn * 4;
    return this.#page(Number(this.leaf(at) >> 12n)).getUint32(at & 0xfff, true);
  }

  #mapping(base: number, ptBase: number, nrPt: number): string[] {
    let end = base;
    const readOnly: number[] = [];
    let [or, min, max, nx, bad] = [0, 0xfff, 0, 0, 0];
    for (let va = base; va < 0xf5800000; va += 4096) {
      const entry = this.leaf(va);
      if ((entry & 1n) === 0n) break;
      end = va + 4096;
      const flags = Number(entry) & FLAGS;
      or |= flags;
      min = Math.min(min, flags);
      max = Math.max(max, flags);
      if (entry >> 63n) nx++;
      if (!(flags & 2)) readOnly.push(va);
      if (Number(entry >> 12n) !== this.p2m((va - base) / 4096)) bad++;
    }
    const first = (readOnly[0] ?? 0) - ptBase;
    const last = (readOnly.at(-1) ?? 0) - ptBase - (nrPt - 1) * 4096;
    return [
      `start.map_end: mod4M=${hex(end & 0x3fffff)} slack_ge_512K=${
        Number(end - (ptBase + nrPt * 4096) >= 0x81000)
      }`,
      `start.map_ro: count_minus_pt=${readOnly.length - nrPt} first=${signed(first)} last=${
        signed(last)
      }`,
      `start.map_flags: or=${hex(or)} min=${hex(min)} max=${
        hex(max)
      } nx=${nx} frame_mismatch=${bad}`,
    ];
  }

  #upperLevels(base: number): string[] {
    const top = (slot: number) => Number(this.entry(this.topTable, slot) & BigInt(FLAGS));
    const l2 = this.entry(this.topTable, Math.floor(base / 2 ** 30)) >> 12n;
    const l2e = this.entry(Number(l2), Math.floor(base / 2 ** 21) % 512);
    let rest = 0;
    for (let i = 4; i < 512; i++) rest += Number(this.entry(this.topTable, i) !== 0n);
    return [
      `start.l2_flags: ${hex(Number(l2e) & FLAGS)}`,
      `start.l3_flags: slot3=${hex(top(3))} slot1=${hex(top(1))} slot2=${hex(top(2))}`,
      `start.l3_rest: nonzero=${rest}`,
    ];
  }

  #text(offset: number): string {
    const bytes = new Uint8Array(this.startInfo.buffer, this.startInfo.byteOffset + offset, 32);
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  }
}
