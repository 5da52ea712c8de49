/**
 * From the bytes of a file to an image that a domain can be built from. Everything that can be known
 * to be wrong without knowing the domain is refused here.
 */
import { bsdSymbols, bsdSymbolsSize } from "./bsd_symtab.ts";
import { bzImagePayload, isBzImage } from "./bzimage.ts";
import { FEATURE_AUTO_TRANSLATED, FEATURE_DOM0, featureNames } from "./features.ts";
import { DEFAULT_LIMIT, gunzip, isGzip } from "./gzip.ts";
import { computeAddresses, type ImageAddresses } from "./addresses.ts";
import { readGuestString } from "./guest_string.ts";
import { isElf, readHeader } from "./header.ts";
import { ImageError } from "./image_error.ts";
import { readNotes } from "./notes.ts";
import { checkParameters, type GuestParameters } from "./parameters.ts";
import { Reader } from "./reader.ts";
import { readSymbols, type SymbolTable } from "./symbols.ts";

/** A guest ready to be laid out in memory: what {@link loadImage} read, for any number of domains. */
export interface GuestImage extends ImageAddresses {
  /** The word of XENVER_capabilities that names its kind; also the magic of start_info. */
  readonly guestType: "xen-3.0-x86_32p";
  /** @internal What its notes say. */
  readonly parameters: GuestParameters;
  /** @internal Its symbols by address. */
  readonly symbols: SymbolTable;
  /** The ELF file, unpacked. */
  readonly file: Uint8Array;
  /** Symbol tables that go behind the last segment (BSD_SYMTAB), or empty. */
  readonly bsdSymbols: Uint8Array;
}

/** How {@link loadImage} reads. */
export interface LoadOptions {
  /** Greatest size of the unpacked file, in bytes. */
  limit?: number;
}

/**
 * Reads a guest image: an ELF, a gzip'd ELF, or a bzImage around one of those.
 *
 * @throws ImageError with one line that says what is wrong
 */
export async function loadImage(bytes: Uint8Array, options: LoadOptions = {}): Promise<GuestImage> {
  return parseImage(await unpack(bytes, options.limit ?? DEFAULT_LIMIT));
}

async function unpack(bytes: Uint8Array, limit: number): Promise<Uint8Array> {
  let inner = bytes;
  if (!isElf(inner) && isBzImage(new Reader(inner))) inner = bzImagePayload(new Reader(inner));
  if (isGzip(inner)) inner = await gunzip(inner, "the image", limit);
  return inner;
}

/** Reads an ELF that is not packed. Throws ImageError. */
export function parseImage(bytes: Uint8Array): GuestImage {
  const file = new Reader(bytes);
  const header = readHeader(file);
  const parameters = readNotes(file, header) ?? readGuestString(file, header);
  if (!parameters) {
    throw new ImageError(
      "no-notes",
      "not a Xen guest: the ELF has neither Xen notes nor a __xen_guest section",
    );
  }
  checkParameters(parameters);
  checkFeatures(parameters);
  const addresses = computeAddresses(
    file,
    header,
    parameters,
    (end) => bsdSymbolsSize(file, header, end),
  );
  return {
    ...addresses,
    guestType: "xen-3.0-x86_32p",
    parameters,
    symbols: readSymbols(file, header),
    file: bytes,
    bsdSymbols: parameters.bsdSymtab ? bsdSymbols(file, header) : new Uint8Array(),
  };
}

/** Features whose being required excludes a 32-bit PV guest that is not domain 0. */
function checkFeatures(p: GuestParameters): void {
  const refused = p.required & (FEATURE_DOM0 | FEATURE_AUTO_TRANSLATED);
  if (refused === 0) return;
  throw new ImageError(
    "feature",
    `FEATURES: the guest requires ${featureNames(refused)}, which a PV domain is not given`,
  );
}
