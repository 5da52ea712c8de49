// The core's door: everything the host or the generated interpreter may call is exported here.
export * from "./cpu/exports";
