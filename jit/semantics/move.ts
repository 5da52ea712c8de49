/** Moves, exchanges, extensions, addresses and flag bits. */
import { R_AX, R_BX, R_DX } from "../../core/wasm/layout.ts";
import { define } from "./define.ts";

define("mov", (x) => {
  x.operand(0).write(x.operand(1).read());
  x.next();
});
define("movnti", (x) => {
  x.operand(0).write(x.operand(1).read());
  x.next();
});

define("xchg", (x) => {
  const a = x.operand(0);
  const b = x.operand(1);
  const old = a.modify();
  const other = b.read();
  const write = () => {
    a.write(other);
    b.write(old);
  };
  // in 64-bit code XCHG EAX, EAX by its short opcode is a NOP: it clears no upper half (so plan.ts gives it
  // a handler of its own)
  if (x.long && x.row.plusReg) x.if(x.registerOffset(0), write);
  else write();
  x.next();
});

define("movzx", (x) => {
  const v = x.operand(1).read();
  x.operand(0).write(x.convert(v, x.type));
  x.next();
});

for (const name of ["movsx", "movsxd"]) {
  define(name, (x) => {
    const source = x.operand(1);
    const v = x.convert(source.read(), x.type);
    x.operand(0).write(x.signExtend(v, source.size));
    x.next();
  });
}

define("cmov", (x) => {
  const dst = x.operand(0);
  const v = x.operand(1).read(); // read even when it is not moved: it may fault
  dst.write(x.select(x.condition(x.row.arg), v, dst.read()));
  x.next();
});

define("setcc", (x) => {
  x.operand(0).write(x.condition(x.row.arg));
  x.next();
});

define("lea", (x) => {
  const a = x.effectiveAddress();
  x.operand(0).write(x.convert(a, x.type));
  x.next();
});

define("bswap", (x) => {
  const dst = x.operand(0);
  const a = dst.read();
  if (x.size === 8) {
    const swap32 = (v: typeof a) => {
      const odd = x.and(x.rotl(v, 8), 0x00ff00ff);
      const even = x.and(x.rotr(v, 8), 0xff00ff00 | 0);
      return x.or(odd, even);
    };
    const low = x.convert(swap32(x.convert(a, "i32")), "i64");
    const high = x.convert(swap32(x.convert(x.shrU(a, 32), "i32")), "i64");
    dst.write(x.or(x.shl(low, 32), high));
  } else if (x.size === 2) {
    dst.write(0); // undefined by the manual; processors clear the word
  } else {
    const odd = x.and(x.rotl(a, 8), 0x00ff00ff);
    const even = x.and(x.rotr(a, 8), 0xff00ff00 | 0);
    dst.write(x.or(odd, even));
  }
  x.next();
});

// CBW CWDE CDQE: the accumulator's lower half, extended
define("cbw", (x) => {
  const half = x.register(R_AX, x.size / 2).read();
  x.register(R_AX).write(x.signExtend(x.convert(half, x.type), x.size / 2));
  x.next();
});

// CWD CDQ CQO: the accumulator's sign all over DX
define("cwd", (x) => {
  const a = x.signExtend(x.register(R_AX).read(), x.size);
  x.register(R_DX).write(x.shrS(a, x.size === 8 ? 63 : 31));
  x.next();
});

define("xlat", (x) => {
  const al = x.register(R_AX, 1);
  const sum = x.add(x.register(R_BX, x.addressBytes).read(), x.convert(al.read(), x.addressType));
  const offset = x.narrowed(sum);
  al.write(x.atLinear(x.segmentAddress(x.segment(), offset, 1, false), 1).read());
  x.next();
});

// caches do not show, but the address must be good
define("clflush", (x) => {
  x.operand(0).read();
  x.next();
});

define("nop", (x) => x.next());

define("clc", (x) => {
  x.setCarry(0);
  x.next();
});
define("stc", (x) => {
  x.setCarry(1);
  x.next();
});
define("cmc", (x) => {
  x.setCarry(x.eqz(x.carry()));
  x.next();
});
define("cld", (x) => {
  x.changeEflags(0x400, 0);
  x.next();
});
define("std", (x) => {
  x.changeEflags(0, 0x400);
  x.next();
});

define("lahf", (x) => {
  x.register(R_AX + 1, 1).write(x.or(x.call("cpu_flags_arithmetic"), 2));
  x.next();
});
define("sahf", (x) => {
  const overflow = x.shl(x.overflow(), 11);
  const ah = x.register(R_AX + 1, 1).read();
  x.setArithmeticFlags(x.or(ah, overflow));
  x.next();
});
define("salc", (x) => {
  x.register(R_AX, 1).write(x.sub(0, x.carry()));
  x.next();
});
