/**
 * The nodes a guest finds when it starts. Reference: the toolstack's libxl_create.c and libxl_dom.c
 * of Xen 4.17; the part that a guest without devices sees.
 */
import type { Xenstore } from "./daemon.ts";
import { domainPath } from "./path.ts";

/** What the tree says of a domain. */
export interface DomainNodes {
  domid: number;
  name: string;
  /** As xl prints it, 8-4-4-4-12 hex digits. */
  uuid: string;
  memoryKiB: number;
  /** What it may grow to. */
  maxMemoryKiB: number;
  vcpus: number;
  storePort: number;
  storeFrame: number;
  consolePort: number;
  consoleFrame: number;
}

/** Writes the minimum tree of a new domain. */
export function writeDomainNodes(store: Xenstore, d: DomainNodes): void {
  const home = domainPath(d.domid);
  const readable = ["n0", `r${d.domid}`];
  const own = [`n${d.domid}`];
  const put = (path: string, value: string | number, permissions = readable) =>
    store.write(`${home}/${path}`, String(value), permissions);

  store.remove(home);
  store.write(home, "", readable);
  store.write(`/vm/${d.uuid}`, "", readable);
  store.write(`/vm/${d.uuid}/name`, d.name, readable);
  store.write(`/vm/${d.uuid}/uuid`, d.uuid, readable);
  put("vm", `/vm/${d.uuid}`);
  put("name", d.name);
  put("domid", d.domid);
  for (let n = 0; n < d.vcpus; n++) put(`cpu/${n}/availability`, "online");
  put("memory/static-max", d.maxMemoryKiB);
  put("memory/target", d.memoryKiB);
  put("memory/videoram", 0);
  put("device", "");
  put("control", "");
  for (const request of ["shutdown", "sysrq"]) put(`control/${request}`, "", own);
  for (const name of ["poweroff", "reboot", "suspend"]) put(`control/feature-${name}`, "", own);
  put("control/platform-feature-multiprocessor-suspend", 1);
  put("control/platform-feature-xs_reset_watches", 1);
  for (const folder of ["data", "drivers", "feature", "attr", "error"]) put(folder, "", own);
  put("store/port", d.storePort);
  put("store/ring-ref", d.storeFrame);
  const console = `${consoleBackend(d.domid)}/0`;
  store.write(console, "", ["n0", `r${d.domid}`]);
  put("console/backend", console);
  put("console/backend-id", 0);
  put("console/limit", 1048576);
  put("console/type", "xenconsoled");
  put("console/output", "pty");
  put("console/tty", "");
  put("console/port", d.consolePort);
  put("console/ring-ref", d.consoleFrame);
}

/** Removes all of it, when the domain is destroyed. */
export function removeDomainNodes(store: Xenstore, domid: number, uuid: string): void {
  store.remove(domainPath(domid));
  store.remove(`/vm/${uuid}`);
  store.remove(consoleBackend(domid));
}

const consoleBackend = (domid: number) => `${domainPath(0)}/backend/console/${domid}`;
