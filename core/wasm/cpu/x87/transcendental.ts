export function exp2_minus_1(): void {}
export function arctangent(): void {}
export function cosine(): void {}
export function logarithm(): void {}
export function logarithm_plus_1(): void {}
export function sine(): void {}
export function sine_cosine(): void {}
export function tangent(): void {}
