/** Tags of rows that nothing shows yet. A tag goes from here with the test that shows its row. */
export const GAPS: string[] = [];
