// Skiff: a small PV kernel. What it does, in order.

import { fn, forever } from "../asm/mod.ts";
import { show_banner } from "./banner.ts";
import { run_checks } from "./checks.ts";
import { has_input } from "./console.ts";
import { control_init, control_poll } from "./control.ts";
import { waitUntil } from "./events.ts";
import { xen_setup_features } from "./features.ts";
import { early_init, machine_init, startWith } from "./setup.ts";
import { shell_poll, show_prompt } from "./shell.ts";
import { user_init } from "./user.ts";
import { store_init, store_pending } from "./xenstore.ts";

const kernel_main = fn("kernel_main", () => {
  early_init();
  xen_setup_features();
  show_banner();
  machine_init();
  user_init();
  store_init();
  run_checks();
  control_init();
  show_prompt();
  forever(() => {
    shell_poll();
    control_poll();
    waitUntil(() => has_input().either(() => store_pending()));
  });
});

export const start = startWith(kernel_main);
