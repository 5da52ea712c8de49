/**
 * The names a guest lists in FEATURES, as bits. Grammar and numbers: pv-abi §1.2; Xen:
 * include/public/features.h and libelf-dominfo.c.
 */
import { ImageError } from "./image_error.ts";

/** XENFEAT_* numbers by the name a guest uses. */
const FEATURES: Record<string, number> = {
  writable_page_tables: 0,
  writable_descriptor_tables: 1,
  auto_translated_physmap: 2,
  supervisor_mode_kernel: 3,
  pae_pgdir_above_4gb: 4,
  hvm_callback_vector: 8,
  dom0: 11,
};
export const FEATURE_AUTO_TRANSLATED = 1 << FEATURES.auto_translated_physmap;
export const FEATURE_DOM0 = 1 << FEATURES.dom0;

/** Names longer than this are taken in pieces. */
const NAME_LENGTH = 63;

/** Two bit masks over XENFEAT_* numbers (the first submap, the only one there is). */
export interface FeatureMasks {
  supported: number;
  required: number;
}

/**
 * Adds a FEATURES string to `masks`: names between `|`, each `!name` (required and supported) or
 * `name` (supported).
 *
 * @throws ImageError for a required feature nobody knows; an unknown supported one means nothing
 */
export function parseFeatures(text: string, masks: FeatureMasks): void {
  for (const part of text.split("|")) {
    for (let start = 0; start < part.length; start += NAME_LENGTH) {
      addFeature(part.slice(start, start + NAME_LENGTH), masks);
    }
  }
}

function addFeature(entry: string, masks: FeatureMasks): void {
  const required = entry.startsWith("!");
  const name = required ? entry.slice(1) : entry;
  if (!Object.hasOwn(FEATURES, name)) {
    if (required) {
      throw new ImageError(
        "feature",
        `FEATURES: the guest requires "${printable(name)}", which is unknown`,
      );
    }
    return;
  }
  const bit = 1 << FEATURES[name];
  masks.supported |= bit;
  if (required) masks.required |= bit;
}

/** Text from an image made fit for one line of an error message. */
export function printable(text: string): string {
  const clean = text.replace(/[^ -~]/g, "?");
  return clean.length > 40 ? clean.slice(0, 40) + "…" : clean;
}

/** The names of the bits of a mask. */
export function featureNames(mask: number): string {
  return Object.keys(FEATURES).filter((name) => mask & (1 << FEATURES[name])).join(", ");
}
