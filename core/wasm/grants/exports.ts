// What this room gives the host.
export { host_grant_seed } from "./host";
