/** Files that users give: told apart by their first bytes, dropped or chosen. */

export type FileKind = "kernel" | "ramdisk";

const HEAD = 4096;

/** What a file seems to be: a kernel is an ELF file or a bzImage, plain or gzip'd. */
export async function fileKind(file: Blob): Promise<FileKind> {
  let head = await firstBytes(file.stream());
  if (head[0] === 0x1f && head[1] === 0x8b) {
    const unpacked = file.stream().pipeThrough(new DecompressionStream("gzip"));
    head = await firstBytes(unpacked).catch(() => head);
  }
  const elf = head[0] === 0x7f && text(head, 1, 3) === "ELF";
  return elf || text(head, 0x202, 4) === "HdrS" ? "kernel" : "ramdisk";
}

async function firstBytes(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const reader = stream.getReader();
  const head = new Uint8Array(HEAD);
  let length = 0;
  while (length < HEAD) {
    const { done, value } = await reader.read();
    if (done) break;
    head.set(value.subarray(0, HEAD - length), length);
    length += value.length;
  }
  reader.cancel().catch(() => {});
  return head.subarray(0, Math.min(length, HEAD));
}

function text(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

/**
 * Takes files dropped anywhere on the page.
 *
 * @param overlay shown while files hover
 * @param dropped takes them
 */
export function acceptDrops(overlay: HTMLElement, dropped: (files: File[]) => void): void {
  let depth = 0;
  const show = (d: number) => {
    depth = Math.max(0, d);
    overlay.hidden = depth === 0;
  };
  const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragenter", (event) => {
    if (carriesFiles(event)) show(depth + 1);
  });
  document.addEventListener("dragleave", (event) => {
    if (carriesFiles(event)) show(depth - 1);
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    show(0);
    const files = [...event.dataTransfer?.files ?? []];
    if (files.length > 0) dropped(files);
  });
}
