/** Commands to begin with, at the prompt of the guest that comes with the page: a button types one. */
import { byId, make } from "./dom.ts";

interface Suggestion {
  /** As it is typed; "^C" is the key. */
  command: string;
  title: string;
}

const SKIFF: Suggestion[] = [
  { command: "help", title: "What there is" },
  { command: "ps", title: "The processes; what it takes to start one: see Hypercalls" },
  { command: "selftest", title: "Each mechanism of the interface, tried by the guest itself" },
  { command: "hog 20 &", title: "Keeps the processor busy: see Hot code and Counters" },
  { command: "bench -m", title: "System calls, faults, forks and switches: see Counters" },
  { command: "fault read", title: "A program reads where nothing is: see traps in Hypercalls" },
  { command: "crash", title: "The kernel's panic, with the hypervisor's report" },
  { command: "^C", title: "Ends what runs" },
];

const CONTROL_C = "\x03";

/**
 * Makes the row of buttons.
 *
 * @param type types text at the guest's console
 */
export function suggestions(type: (text: string) => void): { show(shown: boolean): void } {
  const row = byId("suggestions", HTMLElement);
  for (const { command, title } of SKIFF) {
    const button = make("button", { type: "button", title }, command);
    button.addEventListener("click", () => type(command === "^C" ? CONTROL_C : `${command}\r`));
    row.append(button);
  }
  return { show: (shown) => row.hidden = !shown };
}
