/// <reference lib="dom" />
/**
 * The page. Reading order: this file, ../protocol.ts, machine.ts (the worker as seen from here),
 * setup.ts (what to boot), status.ts, terminal.ts, tabs.ts, then panels/.
 */
import type { ProcessorData } from "../feeds.ts";
import type { GuestEnd, RunState } from "../protocol.ts";
import { byId } from "./dom.ts";
import { formatLink } from "./link.ts";
import { setUpGuide } from "./guide.ts";
import { MachineWorker } from "./machine.ts";
import { PausedCard } from "./paused.ts";
import { bootRequest, choice, setUp } from "./setup.ts";
import {
  addLog,
  clearLog,
  onButtons,
  showCrash,
  showMessage,
  showPace,
  showStatus,
  status,
} from "./status.ts";
import { suggestions } from "./suggestions.ts";
import { Tabs } from "./tabs.ts";
import { ConsoleView } from "./terminal.ts";
import { themeButton } from "./theme.ts";

const machine = new MachineWorker({
  booted: () => terminal.focus(),
  refused: (message) => {
    showMessage(message);
    showStatus("stopped", "No guest");
  },
  output: (bytes, shown) => terminal.write(bytes, shown),
  log: addLog,
  state(state, eip, instructions) {
    showStatus(state, stateText(state, eip));
    paused.state(state, instructions);
    tries.show(state === "running" && booted === "skiff");
  },
  pace: showPace,
  ended,
  fed(feed, data) {
    if (feed === "processor") paused.fed(data as ProcessorData);
    else tabs.fed(feed, data);
  },
});

const terminal = new ConsoleView(
  byId("terminal", HTMLElement),
  (bytes) => machine.input(bytes),
);
const tabs = new Tabs(byId("tabs", HTMLElement), byId("panels", HTMLElement), machine);

const paused = new PausedCard(machine);
const tries = suggestions((text) => {
  machine.input(new TextEncoder().encode(text));
  terminal.focus();
});

/** Reasons of an end from this number on have no name of their own. */
const SHUTDOWN_NAMED = 6;

function stateText(state: RunState, eip: number): string {
  const name = booted === "file" ? "The guest" : booted;
  switch (state) {
    case "running":
      return `${name} runs`;
    case "stepping":
      return "Stepping: it waits for an event";
    case "paused":
      return `Paused at ${eip.toString(16).padStart(8, "0")}`;
  }
}

function ended(end: GuestEnd): void {
  const crashed = end.report.length > 0;
  const why = end.code >= SHUTDOWN_NAMED ? `reason ${end.code}, ${end.name}` : end.name;
  terminal.note(`the guest has ended: ${why}`);
  paused.hide();
  tries.show(false);
  showStatus(crashed ? "crash" : "ended", `Ended: ${why}`);
  if (crashed) showCrash(end);
  tabs.ended(end);
  if (end.name === "reboot") boot();
}

/** The guest that was booted last: a name, or "file". */
let booted = "";

/** The last boot asked for: of two at once the later one counts. */
let boots = 0;

async function boot(): Promise<void> {
  const mine = ++boots;
  showStatus("loading", "Booting…");
  showMessage(null);
  showCrash(null);
  paused.hide();
  tries.show(false);
  try {
    const { guest } = choice();
    const request = await bootRequest();
    if (mine !== boots) return;
    booted = guest;
    terminal.reset();
    clearLog();
    tabs.reset();
    await machine.boot(request);
  } catch (error) {
    if (mine !== boots) return;
    machine.stop();
    tabs.reset();
    showMessage(error instanceof Error ? error.message : String(error));
    showStatus("stopped", "No guest");
  }
}

onButtons({
  start: () => ["paused", "stepping"].includes(status()) ? machine.resume() : boot(),
  pause: () => machine.pause(),
  step: () => machine.step(),
  reset: boot,
});
setUp(boot);
setUpGuide();
themeButton(byId("theme", HTMLButtonElement));
// the page's address says what to boot: where the focus goes is not written there
for (const link of document.querySelectorAll<HTMLAnchorElement>("a.skip")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    byId(link.hash.slice(1), HTMLElement).focus();
  });
}
byId("copy-link", HTMLButtonElement).addEventListener("click", async () => {
  const link = formatLink(choice());
  history.replaceState(null, "", link);
  const copied = await copy(location.href);
  said(byId("copy-link", HTMLButtonElement), copied ? "Copied" : "In the address bar");
  if (choice().guest === "file") {
    showMessage("The link has the command line and memory size; a file cannot be part of it.");
  }
});
byId("crash-memory", HTMLButtonElement).addEventListener("click", () => tabs.select("memory"));
byId("crash-copy", HTMLButtonElement).addEventListener("click", async () => {
  const copied = await copy(byId("crash-report", HTMLElement).textContent!);
  said(byId("crash-copy", HTMLButtonElement), copied ? "Copied" : "Not allowed");
});

/** @returns whether the browser let us */
async function copy(text: string): Promise<boolean> {
  return await navigator.clipboard?.writeText(text).then(() => true, () => false) ?? false;
}

/** A button says for a moment what came of it. */
function said(button: HTMLButtonElement, what: string): void {
  const name = button.dataset.name ??= button.textContent!;
  button.textContent = what;
  setTimeout(() => button.textContent = name, 2000);
}
boot();
