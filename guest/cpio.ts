/** Writes cpio archives in the "newc" format (cpio(5)), for ramdisks. */

const encoder = new TextEncoder();

function member(name: string, contents: Uint8Array, mode: number, ino: number): Uint8Array[] {
  const nameBytes = encoder.encode(name + "\0");
  const fields = [ino, mode, 0, 0, 1, 0, contents.length, 0, 0, 0, 0, nameBytes.length, 0];
  const header = "070701" + fields.map((n) => n.toString(16).padStart(8, "0")).join("");
  const pad = (length: number) => new Uint8Array(-length & 3);
  return [
    encoder.encode(header),
    nameBytes,
    pad(header.length + nameBytes.length),
    contents,
    pad(contents.length),
  ];
}

/** An archive of regular files. */
export function cpioArchive(files: Record<string, Uint8Array>): Uint8Array<ArrayBuffer> {
  const parts = Object.entries(files).flatMap(([name, contents], i) =>
    member(name, contents, 0o100755, i + 1)
  );
  parts.push(...member("TRAILER!!!", new Uint8Array(0), 0, 0));
  const archive = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}
