/**
 * Who may do what with a node. The first entry names the owner, who may do everything, and the
 * access of all who are not listed; each further entry gives one domain its access. Domain 0, which
 * is the host here, may do everything. Reference: docs/misc/xenstore.txt, SET_PERMS.
 */
import { StoreError } from "./error.ts";

export const READ = 1;
export const WRITE = 2;

export interface Permission {
  domid: number;
  /** READ, WRITE, both or neither. */
  access: number;
}

/** Owner first; never empty. */
export type Permissions = readonly Permission[];

const LETTERS = ["n", "r", "w", "b"];

/** The access bits that a domain has on a node with these permissions. */
export function accessOf(permissions: Permissions, domid: number): number {
  if (domid === 0 || permissions[0].domid === domid) return READ | WRITE;
  for (let i = 1; i < permissions.length; i++) {
    if (permissions[i].domid === domid) return permissions[i].access;
  }
  return permissions[0].access;
}

/** The text form of one entry: n, r, w or b and the domain's number. */
export function formatPermission(p: Permission): string {
  return LETTERS[p.access] + p.domid;
}

/**
 * Reads entries such as `n0`, `r5`.
 *
 * @throws StoreError EINVAL
 */
export function parsePermissions(texts: string[]): Permission[] {
  if (texts.length === 0) throw new StoreError("EINVAL");
  return texts.map((text) => {
    const match = /^([nrwb])([0-9]{1,5})$/.exec(text);
    if (!match || Number(match[2]) > 0x7fff) throw new StoreError("EINVAL");
    return { access: LETTERS.indexOf(match[1]), domid: Number(match[2]) };
  });
}
