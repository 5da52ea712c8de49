/** The form that says what to boot, kept in step with the page's address and with dropped files. */
import type { BootRequest } from "../protocol.ts";
import { fetchAsset } from "./assets.ts";
import { byId } from "./dom.ts";
import { acceptDrops, fileKind } from "./files.ts";
import { type Choice, formatLink, parseLink } from "./link.ts";

const guest = byId("guest", HTMLSelectElement);
const kernelFile = byId("kernel-file", HTMLInputElement);
const ramdiskFile = byId("ramdisk-file", HTMLInputElement);
const noRamdisk = byId("ramdisk-none", HTMLButtonElement);
const commandLine = byId("command-line", HTMLInputElement);
const memory = byId("memory", HTMLInputElement);
const vcpus = byId("vcpus", HTMLInputElement);
const summary = byId("setup-summary", HTMLElement);

/**
 * Makes the form work.
 *
 * @param boot called when the user wants the chosen guest booted
 */
export function setUp(boot: () => void): void {
  show(parseLink(location.hash));
  byId("boot-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    byId("setup", HTMLDetailsElement).open = false;
    history.replaceState(null, "", formatLink(choice()));
    boot();
  });
  byId("boot-form", HTMLFormElement).addEventListener("input", summarise);
  kernelFile.addEventListener("change", () => {
    if (kernelFile.files?.length) guest.value = "file";
    summarise();
  });
  noRamdisk.addEventListener("click", () => {
    ramdiskFile.value = "";
    summarise();
    ramdiskFile.focus();
  });
  addEventListener("hashchange", () => {
    show(parseLink(location.hash));
    boot();
  });
  acceptDrops(byId("drop", HTMLElement), async (files) => {
    for (const file of files) {
      const kernel = await fileKind(file) === "kernel";
      const list = new DataTransfer();
      list.items.add(file);
      (kernel ? kernelFile : ramdiskFile).files = list.files;
      if (kernel) guest.value = "file";
    }
    summarise();
    boot();
  });
}

/** What the form says now. */
export function choice(): Choice {
  return {
    guest: guest.value,
    commandLine: commandLine.value,
    memory: Number(memory.value),
    vcpus: Number(vcpus.value),
  };
}

/**
 * What the form says, with the files' contents.
 *
 * @throws Error with a line for people when something is missing or cannot be read
 */
export async function bootRequest(): Promise<BootRequest> {
  const { guest, ...rest } = choice();
  const ramdisk = await contents(ramdiskFile, "ramdisk");
  if (guest !== "file") {
    return { kernel: await fetchAsset(`${guest}.elf`), ramdisk, name: guest, ...rest };
  }
  const kernel = await contents(kernelFile, "kernel");
  if (!kernel) throw new Error("choose a kernel file, or drop one on the page");
  return { kernel, ramdisk, name: guestName(kernelFile.files![0].name), ...rest };
}

async function contents(
  input: HTMLInputElement,
  what: string,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const file = input.files?.[0];
  if (!file) return undefined;
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    throw new Error(`the ${what} ${file.name} cannot be read: was it moved or changed?`);
  }
}

/** A domain's name made of a file's. */
function guestName(file: string): string {
  return file.replace(/\.(elf|gz|bin)$/i, "").replace(/[^\w.-]+/g, "-").slice(0, 40) || "guest";
}

function show(choice: Choice): void {
  guest.value = choice.guest;
  commandLine.value = choice.commandLine;
  memory.value = String(choice.memory);
  vcpus.value = String(choice.vcpus);
  summarise();
}

function summarise(): void {
  const { guest, commandLine, memory, vcpus } = choice();
  const kernel = guest === "file" ? kernelFile.files?.[0]?.name ?? "no kernel chosen" : guest;
  const parts = [kernel, `${memory} MiB`];
  if (vcpus > 1) parts.push(`${vcpus} vCPUs`);
  const ramdisk = ramdiskFile.files?.[0];
  noRamdisk.hidden = !ramdisk;
  byId("loader-hint", HTMLElement).hidden = guest !== "loader";
  if (ramdisk) parts.push(`ramdisk ${ramdisk.name}`);
  if (commandLine) parts.push(`“${commandLine}”`);
  summary.textContent = parts.join(", ");
}
