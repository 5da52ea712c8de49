// The hypervisor's log, for what is not the programs' output.

import { CONSOLEIO } from "../abi/numbers.ts";
import { array, fn, forever, global, if_, local, ret, u8 } from "../asm/mod.ts";
import { console_io } from "../kernel/hypercalls.ts";
import { copy, length_of } from "../kernel/strings.ts";

const line = global("log_line", array(u8, 128));

/** (text, number): a line of a text of up to 100 characters and a number. */
export const log_number = fn("log_number", (text, number) => {
  const length = local(length_of(text));
  copy(line.address, text, length);
  const divisor = local(1_000_000_000);
  forever(() => {
    const digit = local(number.over(divisor).mod(10));
    if_(number.ge(divisor).either(() => divisor.eq(1)), () => {
      line.at(length).set(digit.plus(0x30));
      length.inc();
    });
    if_(divisor.eq(1), () => {
      line.at(length).set(10);
      console_io(CONSOLEIO.write, length.plus(1), line.address);
      ret();
    });
    divisor.set(divisor.over(10));
  });
});
