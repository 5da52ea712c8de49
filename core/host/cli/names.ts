/** What several guests on one command line are called. */
import { DEFAULT_GUEST } from "./guest_file.ts";
import { quote, UsageError } from "./usage.ts";

/** Letters of a name. */
const MOST = 40;

/** @throws UsageError for a name that a terminal or the store should not be given */
export function checkName(text: string, flag: string): string {
  if (/^[\w.+-]+$/.test(text) && text.length <= MOST) return text;
  throw new UsageError(
    `${flag} wants at most ${MOST} letters, digits, ".", "_", "+" and "-", not ${quote(text)}`,
  );
}

/**
 * Gives names that differ to guests that have none: what they were made from, and a number where that
 * is taken. A guest alone needs none.
 *
 * @throws UsageError when two were given the same name
 */
export function nameGuests(guests: { image: string | null; name: string | null }[]): void {
  const taken = new Set<string>();
  for (const { name } of guests) {
    if (name === null) continue;
    if (taken.has(name)) throw new UsageError(`two guests are called ${quote(name)}`);
    taken.add(name);
  }
  if (guests.length === 1) return;
  for (const guest of guests) {
    if (guest.name !== null) continue;
    const base = baseName(guest.image ?? DEFAULT_GUEST);
    guest.name = base;
    for (let n = 2; taken.has(guest.name); n++) guest.name = `${base}-${n}`;
    taken.add(guest.name);
  }
}

/** A file's name without folder and ending, of letters that a name may have. */
function baseName(image: string): string {
  const file = image.split(/[\/\\]/).pop()!.replace(/(\.(elf|bin|gz))+$/, "");
  return file.replace(/[^\w.+-]+/g, "_").slice(0, MOST) || "guest";
}
