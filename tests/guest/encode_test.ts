// Every instruction the assembler offers, encoded and read back by iced-x86's decoder.

import assert from "node:assert/strict";
import * as ix from "iced-x86";
import {
  address,
  al,
  asm,
  assemble,
  ax,
  bind,
  byte,
  cl,
  code,
  cr0,
  cr3,
  ds,
  dword,
  dx,
  eax,
  ebp,
  ebx,
  ecx,
  edi,
  edx,
  esi,
  esp,
  farPointer,
  fs,
  gs,
  Label,
  qword,
  raw,
  scaled,
  ss,
  word,
} from "../../guest/asm/mod.ts";

const BASE = 0xc0000000;

/** Assembles `body` and gives the disassembly of what came out, one line for each instruction. */
function roundTrip(body: () => void): string[] {
  const program = assemble({ entry: code("main", body).label, base: BASE });
  const { bytes } = program.sections.get("text")!;
  const decoder = new ix.Decoder(32, bytes, ix.DecoderOptions.None);
  decoder.ip = BigInt(BASE);
  const formatter = new ix.Formatter(ix.FormatterSyntax.Nasm);
  formatter.showBranchSize = false;
  const lines: string[] = [];
  while (decoder.canDecode) lines.push(formatter.format(decoder.decode()));
  return lines;
}

Deno.test("instructions come out as they were written", () => {
  const cases: [() => void, string][] = [
    [() => asm.mov(eax, 5), "mov eax,5"],
    [() => asm.mov(eax, -1), "mov eax,0FFFFFFFFh"],
    [() => asm.mov(eax, ebx), "mov eax,ebx"],
    [() => asm.mov(eax, dword(ebx)), "mov eax,[ebx]"],
    [() => asm.mov(eax, dword(ebp)), "mov eax,[ebp]"],
    [() => asm.mov(eax, dword(esp, 4)), "mov eax,[esp+4]"],
    [() => asm.mov(dword(ebx, 0x1234), ecx), "mov [ebx+1234h],ecx"],
    [() => asm.mov(dword(ebx, scaled(esi, 4), -8), edx), "mov [ebx+esi*4-8],edx"],
    [() => asm.mov(eax, dword(0xf5800000)), "mov eax,[0F5800000h]"],
    [() => asm.mov(eax, dword(ebx, 0xf5800000)), "mov eax,[ebx-0A800000h]"],
    [() => asm.mov(byte(edi), al), "mov [edi],al"],
    [() => asm.mov(byte(edi), 200), "mov byte [edi],0C8h"],
    [() => asm.mov(word(edi), 0x1234), "mov word [edi],1234h"],
    [() => asm.mov(dword(edi), 7), "mov dword [edi],7"],
    [() => asm.mov(eax, dword(8).via(gs)), "mov eax,[gs:8]"],
    [() => asm.mov(ds, eax), "mov ds,eax"],
    [() => asm.mov(eax, cr0), "mov eax,cr0"],
    [() => asm.mov(cr3, eax), "mov cr3,eax"],
    [() => asm.movzx(eax, byte(ecx)), "movzx eax,byte [ecx]"],
    [() => asm.movsx(ecx, byte(edx)), "movsx ecx,byte [edx]"],
    [() => asm.movzx(eax, ax), "movzx eax,ax"],
    [() => asm.lea(eax, address(ebx, scaled(ecx, 8), 3)), "lea eax,[ebx+ecx*8+3]"],
    [() => asm.push(0), "push 0"],
    [() => asm.push(0x1234), "push 1234h"],
    [() => asm.push(dword(ebx)), "push dword [ebx]"],
    [() => asm.push(fs), "push fs"],
    [() => asm.pop(ds), "pop ds"],
    [() => asm.pop(esi), "pop esi"],
    [() => asm.pushad(), "pusha"],
    [() => asm.pushf(), "pushf"],
    [() => asm.add(eax, 1), "add eax,1"],
    [() => asm.add(eax, 0x1000), "add eax,1000h"],
    [() => asm.add(dword(ebx), -3), "add dword [ebx],0FFFFFFFDh"],
    [() => asm.sub(edx, dword(ebx)), "sub edx,[ebx]"],
    [() => asm.cmp(byte(ebx), 0xff), "cmp byte [ebx],0FFh"],
    [() => asm.cmp(word(ebx), 0x8000), "cmp word [ebx],8000h"],
    [() => asm.test(eax, eax), "test eax,eax"],
    [() => asm.test(ebx, 1), "test ebx,1"],
    [() => asm.xor(edx, edx), "xor edx,edx"],
    [() => asm.imul(eax, ecx), "imul eax,ecx"],
    [() => asm.imul(eax, ecx, 12), "imul eax,ecx,0Ch"],
    [() => asm.mul(dword(ebx)), "mul dword [ebx]"],
    [() => asm.div(ecx), "div ecx"],
    [() => asm.shl(eax, 12), "shl eax,0Ch"],
    [() => asm.sar(dword(ebx), cl), "sar dword [ebx],cl"],
    [() => asm.shld(edx, eax, cl), "shld edx,eax,cl"],
    [() => asm.bts(dword(ecx), edx), "bts [ecx],edx"],
    [() => asm.bt(eax, 31), "bt eax,1Fh"],
    [() => asm.xchg(dword(ecx), eax), "xchg eax,[ecx]"],
    [() => asm.cmpxchg(dword(ecx), edx), "cmpxchg [ecx],edx"],
    [() => asm.cmpxchg8b(qword(ecx)), "cmpxchg8b [ecx]"],
    [() => asm.bswap(eax), "bswap eax"],
    [() => asm.sete(al), "sete al"],
    [() => asm.cmove(eax, ecx), "cmove eax,ecx"],
    [() => asm.int(0x80), "int 80h"],
    [() => asm.int3(), "int3"],
    [() => asm.ud2(), "ud2"],
    [() => asm.ret(), "ret"],
    [() => asm.retf(), "retf"],
    [() => asm.iret(), "iret"],
    [() => asm.leave(), "leave"],
    [() => asm.nop(), "nop"],
    [() => asm.in(al, dx), "in al,dx"],
    [() => asm.out(0x80, al), "out 80h,al"],
    [() => asm.lss(esp, farPointer(ebx)), "lss esp,[ebx]"],
    [() => asm.lar(eax, ecx), "lar eax,ecx"],
    [() => asm.invlpg(address(ebx)), "invlpg [ebx]"],
    [() => asm.fldcw(word(ebx)), "fldcw [ebx]"],
    [() => asm.fxsave(address(ebx)), "fxsave [ebx]"],
    [() => asm.stosd("rep"), "rep stosd"],
    [() => asm.movsb("rep"), "rep movsb"],
    [() => asm.movsd(), "movsd"],
    [() => asm.lodsb(), "lodsb"],
    [() => asm.scasb("repne"), "repne scasb"],
    [() => asm.cmpsb("repe"), "repe cmpsb"],
    [() => asm.call(eax), "call eax"],
    [() => asm.jmp(dword(ebx, 4)), "jmp dword [ebx+4]"],
    [() => raw(0xf4), "hlt"],
    [() => asm.mov(ss, word(ebx)), "mov ss,[ebx]"],
  ];
  const lines = roundTrip(() => cases.forEach(([emit]) => emit()));
  assert.deepEqual(lines, cases.map(([, expected]) => expected));
});

Deno.test("an instruction that does not exist is refused by name", () => {
  assert.throws(() => roundTrip(() => asm.mov(dword(ebx), dword(ecx))), /no encoding for mov/);
  assert.throws(() => roundTrip(() => asm.pop(5)), /no encoding for pop/);
});

Deno.test("jumps are short where they reach and long where they do not", () => {
  for (const distance of [0, 1, 126, 127, 128, 129, 5000]) {
    const forward = new Label("forward"), back = new Label("back");
    const lines = roundTrip(() => {
      bind(back);
      asm.je(forward);
      raw(...new Array(distance).fill(0x90));
      bind(forward);
      asm.jmp(back);
    });
    const size = distance <= 127 ? 2 : 6;
    assert.equal(
      lines[0],
      `je ${(BASE + size + distance).toString(16).toUpperCase()}h`.replace(/ C/, " 0C"),
    );
    assert.equal(lines.at(-1), "jmp 0C0000000h");
  }
});

Deno.test("a chain of jumps at the edge settles with every target right", () => {
  // Each lengthened jump pushes the next one over its limit.
  const labels = Array.from({ length: 40 }, (_, i) => new Label(`l${i}`));
  const lines = roundTrip(() => {
    labels.forEach((label, i) => {
      bind(label);
      asm.jne(labels[(i + 7) % labels.length]);
      raw(...new Array(15).fill(0x90));
    });
  });
  const addresses: number[] = [];
  let at = BASE;
  const jumps = lines.filter((l) => l.startsWith("jne"));
  const program = assemble({
    entry: code("again", () => {
      labels.forEach((label, i) => {
        bind(label);
        asm.jne(labels[(i + 7) % labels.length]);
        raw(...new Array(15).fill(0x90));
      });
    }).label,
    base: BASE,
  });
  const decoder = new ix.Decoder(32, program.sections.get("text")!.bytes, ix.DecoderOptions.None);
  while (decoder.canDecode) {
    const instruction = decoder.decode();
    if (instruction.mnemonic === ix.Mnemonic.Jne) addresses.push(at);
    at += instruction.length;
  }
  jumps.forEach((jump, i) => {
    assert.equal(parseInt(jump.slice(4), 16), addresses[(i + 7) % labels.length]);
  });
});
