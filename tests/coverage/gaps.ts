/** Tags of rows that nothing shows yet. A tag goes from here with the test that shows its row. */
export const GAPS: string[] = [
  "pte.l1.foreign",
  "pte.l2.foreign",
  "pte.l3.foreign",
  "domain.pause",
  "domain.command_line",
  "domain.load",
  "domain.model",
];
