/**
 * Paths of the store. Reference: docs/misc/xenstore.txt; the limits are XENSTORE_ABS_PATH_MAX and
 * XENSTORE_REL_PATH_MAX of Xen's public header io/xs_wire.h.
 */
import { StoreError } from "./error.ts";

export const ABS_PATH_MAX = 3072;
export const REL_PATH_MAX = 2048;

/** Home of a domain: what its relative paths are relative to. */
export function domainPath(domid: number): string {
  return `/local/domain/${domid}`;
}

/**
 * The absolute form of a path that a domain gave.
 *
 * @throws StoreError EINVAL for characters, slashes or lengths that a path may not have
 */
export function canonicalPath(path: string, domid: number): string {
  const absolute = path.startsWith("/") || path.startsWith("@");
  if (path.length > (absolute ? ABS_PATH_MAX : REL_PATH_MAX)) throw new StoreError("EINVAL");
  const full = absolute ? path : `${domainPath(domid)}/${path}`;
  if (!isNodePath(full)) throw new StoreError("EINVAL");
  return full;
}

/** Whether a node may have this absolute path. */
export function isNodePath(path: string): boolean {
  if (path === "/") return true;
  return /^(\/[A-Za-z0-9\-_@]+)+$/.test(path) && path.length <= ABS_PATH_MAX;
}

/** The names between the slashes; none for the root. */
export function segments(path: string): string[] {
  return path === "/" ? [] : path.slice(1).split("/");
}

/** The path one step up; the root's is the root. */
export function parentPath(path: string): string {
  const at = path.lastIndexOf("/");
  return at <= 0 ? "/" : path.slice(0, at);
}

/** Whether `path` is `ancestor` itself or lies below it. */
export function isWithin(path: string, ancestor: string): boolean {
  return ancestor === "/" || path === ancestor ||
    (path.startsWith(ancestor) && path[ancestor.length] === "/");
}
