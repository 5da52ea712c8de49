/** All rows of docs/abi-coverage.md, in its order. */
import type { Section } from "../row.ts";
import { DESCRIPTORS } from "./descriptors.ts";
import { EMULATION } from "./emulation.ts";
import { ERRORS } from "./errors.ts";
import { ESCAPES } from "./escapes.ts";
import { EVENTS } from "./events.ts";
import { HYPERCALLS } from "./hypercalls.ts";
import { MEMORY_CALLS } from "./memory_calls.ts";
import { OPTIONS } from "./options.ts";
import { ENTRIES, PAGE_TABLES } from "./page_tables.ts";
import { SUB_OPERATIONS } from "./sub_operations.ts";
import { TRAPS } from "./traps.ts";

export const SECTIONS: Section[] = [
  HYPERCALLS,
  SUB_OPERATIONS,
  MEMORY_CALLS,
  ERRORS,
  TRAPS,
  EMULATION,
  DESCRIPTORS,
  ENTRIES,
  PAGE_TABLES,
  EVENTS,
  OPTIONS,
  ESCAPES,
];
