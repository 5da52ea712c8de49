/**
 * Keys in a tree of table rows (ARIA's treegrid pattern): up and down, Home and End move; right opens
 * or goes in, left closes or goes out. One row alone is in the page's tab order.
 */

/**
 * @param rows the element whose children are the rows, with aria-level and, where they can be opened,
 *   aria-expanded
 * @param toggle opens or closes a row
 */
export function treeKeys(
  rows: HTMLElement,
  toggle: (row: HTMLElement, open: boolean) => void,
): void {
  const focus = (row: Element | null | undefined) => {
    if (!(row instanceof HTMLElement)) return;
    for (const other of rows.querySelectorAll("[tabindex='0']")) {
      other.setAttribute("tabindex", "-1");
    }
    row.tabIndex = 0;
    row.focus();
  };
  rows.addEventListener("click", (event) => focus((event.target as Element).closest("tr")));
  rows.addEventListener("keydown", (event) => {
    const row = (event.target as Element).closest("tr");
    if (!row) return;
    const expanded = row.getAttribute("aria-expanded");
    switch (event.key) {
      case "ArrowDown":
        focus(row.nextElementSibling);
        break;
      case "ArrowUp":
        focus(row.previousElementSibling);
        break;
      case "Home":
        focus(rows.firstElementChild);
        break;
      case "End":
        focus(rows.lastElementChild);
        break;
      case "ArrowRight":
        if (expanded === "false") toggle(row, true);
        else if (expanded === "true") focus(row.nextElementSibling);
        break;
      case "ArrowLeft":
        if (expanded === "true") toggle(row, false);
        else focus(parentOf(row));
        break;
      case "Enter":
      case " ":
        if (expanded !== null) toggle(row, expanded === "false");
        break;
      default:
        return;
    }
    event.preventDefault();
  });
}

function parentOf(row: Element): Element | null {
  const level = Number(row.getAttribute("aria-level"));
  let above = row.previousElementSibling;
  while (above && Number(above.getAttribute("aria-level")) >= level) {
    above = above.previousElementSibling;
  }
  return above;
}
