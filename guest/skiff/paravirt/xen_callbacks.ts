// The two places besides the trap table at which a Xen domain is entered.

import { CALLBACKOP, CALLBACKTYPE } from "../../abi/numbers.ts";
import { CallbackRegister } from "../../abi/structs.ts";
import { fn, local, localOf, ret } from "../../asm/mod.ts";
import { callback_op } from "../../kernel/hypercalls.ts";
import { KERNEL_CS } from "../../kernel/selectors.ts";

/** The failsafe callback enters with events masked, as the event callback always does. */
const MASK_EVENTS = 1;

/** (event, failsafe): not 0 if one is refused. */
export const register_callbacks = fn("xen_register_callbacks", (event, failsafe) => {
  const op = localOf(CallbackRegister);
  const failed = local(0);
  for (
    const [type, entry] of [[CALLBACKTYPE.event, event], [CALLBACKTYPE.failsafe, failsafe]] as const
  ) {
    op.type.set(type);
    op.flags.set(MASK_EVENTS);
    op.cs.set(KERNEL_CS);
    op.eip.set(entry);
    failed.setBits(callback_op(CALLBACKOP.register, op.address));
  }
  ret(failed);
});
