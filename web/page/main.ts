/// <reference lib="dom" />
/**
 * The page. Reading order: this file, ../protocol.ts, machine.ts (the worker as seen from here),
 * setup.ts (what to boot), status.ts, terminal.ts, tabs.ts, then panels/.
 */
import type { GuestEnd, RunState } from "../protocol.ts";
import { byId } from "./dom.ts";
import { formatLink } from "./link.ts";
import { MachineWorker } from "./machine.ts";
import { bootRequest, choice, setUp } from "./setup.ts";
import {
  addLog,
  clearLog,
  onButtons,
  showCrash,
  showMessage,
  showStatus,
  status,
} from "./status.ts";
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
  state: (state, eip) => showStatus(state, stateText(state, eip)),
  ended,
  fed: (feed, data) => tabs.fed(feed, data),
});

const terminal = new ConsoleView(
  byId("terminal", HTMLElement),
  (bytes) => machine.input(bytes),
);
const tabs = new Tabs(byId("tabs", HTMLElement), byId("panels", HTMLElement), machine);

/** Reasons of an end from this number on have no name of their own. */
const SHUTDOWN_NAMED = 6;

function stateText(state: RunState, eip: number): string {
  const name = choice().guest === "file" ? "The guest" : choice().guest;
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
  showStatus(crashed ? "crash" : "ended", `Ended: ${why}`);
  if (crashed) showCrash(end);
  tabs.ended(end);
  if (end.name === "reboot") boot();
}

/** The last boot asked for: of two at once the later one counts. */
let boots = 0;

async function boot(): Promise<void> {
  const mine = ++boots;
  showStatus("loading", "Booting…");
  showMessage(null);
  showCrash(null);
  try {
    const request = await bootRequest();
    if (mine !== boots) return;
    terminal.reset();
    clearLog();
    tabs.reset();
    await machine.boot(request);
  } catch (error) {
    if (mine !== boots) return;
    machine.stop();
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
  const button = byId("copy-link", HTMLButtonElement);
  const copied = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
  button.textContent = copied ? "Copied" : "In the address bar";
  setTimeout(() => button.textContent = "Link", 2000);
});
boot();
