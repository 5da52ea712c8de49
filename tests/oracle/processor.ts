/** Who made the host's processor: undefined results are compared only among processors of one maker. */

/** Whose processors `jit/isa` follows where the manual leaves a result open. */
export const FOLLOWED_MAKER = "AuthenticAMD";

/** The processor that native cases run on, from /proc/cpuinfo. */
export interface Processor {
  /** CPUID's vendor string; "" if unknown. */
  maker: string;
  /** What a person would want to know of it. */
  name: string;
}

let cached: Processor | undefined;

export function hostProcessor(): Processor {
  return cached ??= readProcessor();
}

function readProcessor(): Processor {
  let text = "";
  try {
    text = Deno.readTextFileSync("/proc/cpuinfo");
  } catch { // no Linux
  }
  const field = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(text)?.[1] ?? "";
  const [family, model, stepping] = ["cpu family", "model", "stepping"].map(field);
  return {
    maker: field("vendor_id"),
    name: `${
      field("model name")
    }, family ${family} model ${model} stepping ${stepping}, microcode ${field("microcode")}`,
  };
}

/** True if what the manual leaves open is ours to answer as the host does. */
export const followed = (maker = hostProcessor().maker): boolean => maker === FOLLOWED_MAKER;
