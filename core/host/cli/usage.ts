/** How a user is told that what he asked for makes no sense. */

/** The message says why, in one line. */
export class UsageError extends Error {}

/** Arguments in messages: short, and without what could play tricks on a terminal. */
export function quote(text: string): string {
  const shown = text.length > 60 ? text.slice(0, 60) + "…" : text;
  return JSON.stringify(shown);
}

/** A file's name in messages: as it is where that is plain text, else quoted. */
export function shown(name: string): string {
  return /^[!-~][ -~]*$/.test(name) ? name : quote(name);
}
