/** Light, dark, or as the system has it; the choice is kept. */
import { make } from "./dom.ts";

const KEY = "paravane-theme";
const CHOICES = ["auto", "light", "dark"] as const;
type Choice = typeof CHOICES[number];

function stored(): Choice {
  try {
    return CHOICES.find((choice) => choice === localStorage.getItem(KEY)) ?? "auto";
  } catch {
    return "auto"; // no storage here
  }
}

function apply(choice: Choice, button: HTMLButtonElement): void {
  if (choice === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  const [sign, name] = { auto: ["◐", "Auto"], light: ["☀", "Light"], dark: ["☾", "Dark"] }[choice];
  button.replaceChildren(sign, make("span", {}, ` ${name}`));
  button.setAttribute("aria-label", `Theme: ${choice}`);
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    // it is not kept, then
  }
  document.dispatchEvent(new Event("themechange"));
}

/** Makes a button that goes through the choices. */
export function themeButton(button: HTMLButtonElement): void {
  let choice = stored();
  apply(choice, button);
  button.addEventListener("click", () => {
    choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length];
    apply(choice, button);
  });
}
