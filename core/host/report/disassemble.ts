/** One instruction as text, by iced-x86, which is loaded only for this. */

/**
 * @param bytes the instruction and what follows
 * @param eip its address, for the targets of branches
 * @param bits 16 or 32
 */
export async function disassemble(
  bytes: Uint8Array,
  eip: number,
  bits: 16 | 32,
): Promise<string> {
  const { Decoder, DecoderOptions, Formatter, FormatterSyntax } = await import("iced-x86");
  const decoder = new Decoder(bits, bytes, DecoderOptions.None);
  decoder.ip = BigInt(eip);
  const instruction = decoder.decode();
  const formatter = new Formatter(FormatterSyntax.Intel);
  try {
    return instruction.isInvalid ? "(bad)" : formatter.format(instruction);
  } finally {
    formatter.free();
    instruction.free();
    decoder.free();
  }
}
