/** Takes away from a failing list what it fails without: halves first, then smaller and smaller pieces. */
export async function shrink<T>(
  list: readonly T[],
  fails: (list: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let rest = list;
  for (let size = Math.ceil(rest.length / 2); size > 0; size = size > 1 ? size >> 1 : 0) {
    for (let at = 0; at < rest.length;) {
      const less = [...rest.slice(0, at), ...rest.slice(at + size)];
      if (await fails(less)) rest = less;
      else at += size;
    }
  }
  return rest;
}
