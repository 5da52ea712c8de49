/**
 * What a guest says of itself, in ELF notes or in a `__xen_guest` string, and the tests that need
 * nothing else. Rules: pv-abi §1.2 and §1.4; Xen: common/libelf/libelf-dominfo.c.
 */
import type { FeatureMasks } from "./features.ts";
import { printable } from "./features.ts";
import { ImageError } from "./image_error.ts";

/** How the guest's page tables may be placed. */
export type PaeMode =
  | "none"
  /** The top table must lie below 4 GiB. */
  | "plain"
  /** It may lie anywhere: CR3 holds a rotated frame number. */
  | "extended"
  /** The guest runs with and without PAE; it gets PAE. */
  | "bimodal";

/** Numbers are 64 bits wide whatever the guest, as in Xen; undefined means not given. */
export interface GuestParameters extends FeatureMasks {
  source: "notes" | "__xen_guest";
  entry?: bigint;
  hypercallPage?: bigint;
  virtBase?: bigint;
  paddrOffset?: bigint;
  initP2m?: bigint;
  /** The guest takes its ramdisk unmapped, by frame number. */
  modStartPfn: boolean;
  pae: PaeMode;
  bsdSymtab: boolean;
  loader: string;
  guestOs: string;
  guestVersion: string;
  xenVersion: string;
}

export function emptyParameters(source: GuestParameters["source"]): GuestParameters {
  return {
    source,
    modStartPfn: false,
    pae: "none",
    bsdSymtab: false,
    loader: "",
    guestOs: "",
    guestVersion: "",
    xenVersion: "",
    supported: 0,
    required: 0,
  };
}

/** Refuses a guest made for another loader, another Xen, or without PAE. */
export function checkParameters(p: GuestParameters): void {
  const where = p.source === "notes" ? "ELF notes" : "__xen_guest";
  if (!p.loader.startsWith("generic") && !p.guestOs.startsWith("linux")) {
    throw new ImageError(
      "loader",
      `${where}: LOADER "${printable(p.loader)}" is not "generic" and GUEST_OS ` +
        `"${printable(p.guestOs)}" is not Linux`,
    );
  }
  if (!p.xenVersion.startsWith("xen-3.0")) {
    throw new ImageError(
      "xen-version",
      `${where}: XEN_VERSION "${printable(p.xenVersion)}" does not begin with "xen-3.0"`,
    );
  }
  if (p.pae === "none") {
    throw new ImageError(
      "pae",
      `${where}: the guest is not built for PAE (PAE_MODE is neither "yes" nor "bimodal"); ` +
        "32-bit guests without PAE do not run on a 64-bit Xen",
    );
  }
}
