/** x86 code as text, by iced-x86. */
import { Decoder, DecoderOptions, FlowControl, Formatter, FormatterSyntax } from "iced-x86";
import { hex8 } from "../hex.ts";

/**
 * Lines of text for code.
 *
 * @param address of the first byte, for the targets of branches
 * @param exact all of it; else up to the first instruction that goes elsewhere for good
 */
export function disassemble(
  bytes: Uint8Array,
  address: number,
  bits: 16 | 32,
  exact: boolean,
): string[] {
  const decoder = new Decoder(bits, bytes, DecoderOptions.None);
  const formatter = new Formatter(FormatterSyntax.Intel);
  formatter.spaceAfterOperandSeparator = true;
  formatter.hexPrefix = "0x";
  formatter.hexSuffix = "";
  formatter.showBranchSize = false;
  decoder.ip = BigInt(address);
  const lines: string[] = [];
  try {
    while (decoder.canDecode) {
      const at = decoder.position;
      const instruction = decoder.decode();
      const { length, isInvalid, flowControl } = instruction;
      const dump = Array.from(
        bytes.subarray(at, at + length),
        (b) => b.toString(16).padStart(2, "0"),
      );
      const text = isInvalid ? "(bad)" : formatter.format(instruction);
      instruction.free();
      lines.push(`${hex8(address + at)} ${dump.join("").padEnd(12)} ${text}`);
      if (!exact && (isInvalid || leaves(flowControl))) break;
    }
  } finally {
    formatter.free();
    decoder.free();
  }
  return lines;
}

function leaves(flow: FlowControl): boolean {
  return flow === FlowControl.UnconditionalBranch || flow === FlowControl.IndirectBranch ||
    flow === FlowControl.Return || flow === FlowControl.Call || flow === FlowControl.IndirectCall ||
    flow === FlowControl.Interrupt || flow === FlowControl.Exception;
}
