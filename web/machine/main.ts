/**
 * The worker that runs the machine. It boots one guest in its life: a reset is a new worker, which
 * also gives the old machine's memory back.
 */
import type { FromMachine, ToMachine } from "../protocol.ts";
import { Guest } from "./guest.ts";

interface WorkerScope {
  onmessage: ((event: MessageEvent<ToMachine>) => void) | null;
  postMessage(message: FromMachine, transfer?: Transferable[]): void;
}

const scope = self as unknown as WorkerScope;
const guest = new Guest((message, transfer) => scope.postMessage(message, transfer));
scope.onmessage = ({ data }) => guest.handle(data);
scope.postMessage({ type: "ready" });
