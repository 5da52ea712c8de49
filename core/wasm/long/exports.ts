// What only a core that knows 64-bit code gives the generated interpreter.
export function cpu_long_none(): void {}
