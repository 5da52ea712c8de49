/** The guide: a dialog, opened by its button or by a panel at that panel's part of it. */
import type { FeedName } from "../protocol.ts";
import { byId } from "./dom.ts";

export function setUpGuide(): void {
  const guide = byId("guide", HTMLDialogElement);
  byId("help", HTMLButtonElement).addEventListener("click", () => openGuide());
  byId("guide-close", HTMLButtonElement).addEventListener("click", () => guide.close());
  guide.addEventListener("click", (event) => {
    // what is clicked outside of a dialog's contents is its backdrop
    if (event.target === guide) guide.close();
  });
}

/** @param panel whose part is to be in sight; none for the beginning */
export function openGuide(panel?: FeedName): void {
  byId("guide", HTMLDialogElement).showModal();
  byId(panel ? `guide-${panel}` : "guide-title", HTMLElement).scrollIntoView({ block: "start" });
}
