/** The name under which `await using` finds what to call; a browser without it has a symbol of the same name. */
export const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ??
  Symbol.for("Symbol.asyncDispose");
