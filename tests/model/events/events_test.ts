/** The core's event channels in step with the model's (this folder). `deno task fuzz --what model` goes on from here. */
import assert from "node:assert/strict";
import { LENGTH, runSeed } from "./run.ts";

const STEPS = 40_000;
const KINDS = 20;

Deno.test("event channels of both ABIs keep step with the model under hostile use [event.model] [event.two_level] [event.fifo] [event.interdomain] [event.ipi] [event.pollers] [event.close] [event_channel_op.bind_interdomain] [event_channel_op.bind_virq] [event_channel_op.close] [event_channel_op.send] [event_channel_op.status] [event_channel_op.alloc_unbound] [event_channel_op.bind_ipi] [event_channel_op.bind_vcpu] [event_channel_op.unmask] [event_channel_op.reset] [event_channel_op.init_control] [event_channel_op.expand_array] [event_channel_op.set_priority] [xsa.221] [xsa.317]", async () => {
  const seen = new Map<string, number>();
  for (let seed = 1; seed <= STEPS / LENGTH; seed++) {
    const wrong = await runSeed(seed, seen);
    assert.equal(wrong, "", wrong);
  }
  assert.equal(seen.size, KINDS, [...seen.keys()].join(" "));
});
