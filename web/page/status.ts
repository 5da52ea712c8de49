/** What the page says of the machine: the status line, the buttons, messages, crash report, log. */
import type { GuestEnd, RunState } from "../protocol.ts";
import { byId } from "./dom.ts";

export type Status = RunState | "loading" | "stopped" | "ended" | "crash";

const LOG_LINES = 1000;

const line = byId("status", HTMLElement);
const buttons = {
  start: byId("start", HTMLButtonElement),
  pause: byId("pause", HTMLButtonElement),
  step: byId("step", HTMLButtonElement),
  reset: byId("reset", HTMLButtonElement),
};
const message = byId("message", HTMLElement);
const crash = byId("crash", HTMLElement);
const logLines = byId("log-lines", HTMLElement);
const logCount = byId("log-count", HTMLElement);
let logged: string[] = [];

/** Which buttons do something in a status. */
const ENABLED: Record<Status, (keyof typeof buttons)[]> = {
  loading: [],
  running: ["pause", "reset"],
  paused: ["start", "step", "reset"],
  stepping: ["start", "pause", "reset"],
  stopped: ["start"],
  ended: ["start", "reset"],
  crash: ["start", "reset"],
};

const MILLION = 1e6;

/** Says how many instructions a second the guest does. */
export function showPace(perSecond: number): void {
  const millions = perSecond / MILLION;
  byId("pace", HTMLElement).textContent = perSecond === 0
    ? "idle"
    : millions >= 1
    ? `${millions.toLocaleString("en")} M instructions/s`
    : `${perSecond.toLocaleString("en")} instructions/s`;
}

/** Shows a status and enables what can be done in it. */
export function showStatus(status: Status, text: string): void {
  line.dataset.state = status;
  if (line.textContent !== text) line.textContent = text;
  const pace = byId("pace", HTMLElement);
  pace.hidden = status !== "running";
  if (status === "loading") pace.textContent = "";
  for (const [name, button] of Object.entries(buttons)) {
    const enabled = ENABLED[status].includes(name as keyof typeof buttons);
    // a button that goes dead under the keyboard hands the focus on
    const focused = document.activeElement === button;
    button.disabled = !enabled;
    if (focused && !enabled) Object.values(buttons).find((b) => !b.disabled)?.focus();
  }
}

export function status(): Status {
  return line.dataset.state as Status;
}

/** Has the buttons do what their names say. */
export function onButtons(actions: Record<keyof typeof buttons, () => void>): void {
  for (const [name, button] of Object.entries(buttons)) {
    button.addEventListener("click", () => actions[name as keyof typeof buttons]());
  }
  byId("message-close", HTMLButtonElement).addEventListener("click", () => message.hidden = true);
}

/** Shows an error, or with null takes the last one away. */
export function showMessage(text: string | null): void {
  message.hidden = text === null;
  byId("message-text", HTMLElement).textContent = text;
}

/** Shows what a crash left behind, or with null takes it away. */
export function showCrash(end: GuestEnd | null): void {
  crash.hidden = end === null;
  if (!end) return;
  byId("crash-title", HTMLElement).textContent = end.crash
    ? `The guest crashed: ${end.crash}`
    : end.name === "watchdog"
    ? "The guest was ended by its watchdog"
    : "The guest reported its own crash";
  byId("crash-report", HTMLElement).textContent = end.report.join("\n");
}

/** Adds lines to the log. */
export function addLog(lines: string[]): void {
  logged = [...logged, ...lines].slice(-LOG_LINES);
  logLines.textContent = logged.join("\n");
  logLines.scrollTop = logLines.scrollHeight;
  logCount.textContent = String(logged.length);
}

export function clearLog(): void {
  logged = [];
  addLog([]);
}
