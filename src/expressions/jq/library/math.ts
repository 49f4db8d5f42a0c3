import type { Json } from "../../../values/json.ts";
import { spend } from "../budget.ts";
import type { Native } from "../native.ts";
import { typeError } from "./failures.ts";
import { besselJ, besselY, erf, erfc, gammaSign, lgamma, tgamma } from "./special-functions.ts";

const LEAST_NORMAL = 2 ** -1022;

const UNARY: Readonly<Record<string, (x: number) => number>> = {
  acos: Math.acos,
  acosh: Math.acosh,
  asin: Math.asin,
  asinh: Math.asinh,
  atan: Math.atan,
  atanh: Math.atanh,
  cbrt: Math.cbrt,
  ceil: Math.ceil,
  cos: Math.cos,
  cosh: Math.cosh,
  erf,
  erfc,
  exp: Math.exp,
  exp10: (x) => 10 ** x,
  exp2: (x) => 2 ** x,
  expm1: Math.expm1,
  fabs: Math.abs,
  floor: Math.floor,
  gamma: lgamma,
  j0: (x) => besselJ(0, x),
  j1: (x) => besselJ(1, x),
  lgamma,
  log: Math.log,
  log10: Math.log10,
  log1p: Math.log1p,
  log2: Math.log2,
  logb,
  nearbyint: roundHalfEven,
  pow10: (x) => 10 ** x,
  rint: roundHalfEven,
  round: (x) => Math.sign(x) * roundHalfUp(Math.abs(x)),
  significand: (x) => (x === 0 || !Number.isFinite(x) ? x : x / 2 ** logb(x)),
  sin: Math.sin,
  sinh: Math.sinh,
  sqrt: Math.sqrt,
  tan: Math.tan,
  tanh: Math.tanh,
  tgamma,
  trunc: Math.trunc,
  y0: (x) => besselY(0, x),
  y1: (x) => besselY(1, x),
};

const BINARY: Readonly<Record<string, (x: number, y: number) => number>> = {
  atan2: Math.atan2,
  copysign: (x, y) => (isNegative(x) === isNegative(y) ? x : -x),
  drem: remainder,
  fdim: (x, y) => (Number.isNaN(x) || Number.isNaN(y) ? Number.NaN : Math.max(x - y, 0)),
  fmax: (x, y) => (Number.isNaN(x) ? y : Number.isNaN(y) ? x : Math.max(x, y)),
  fmin: (x, y) => (Number.isNaN(x) ? y : Number.isNaN(y) ? x : Math.min(x, y)),
  fmod: (x, y) => x % y,
  hypot: Math.hypot,
  jn: (order, x) => besselJ(Math.trunc(order), x),
  ldexp: (x, exponent) => scaled(x, Math.trunc(exponent) || 0),
  nextafter: nextAfter,
  nexttoward: nextAfter,
  pow: power,
  remainder,
  scalb,
  scalbln: (x, exponent) => scaled(x, Math.trunc(exponent) || 0),
  yn: (order, x) => besselY(Math.trunc(order), x),
};

/** Those that give two numbers. */
const SPLITTING: Readonly<Record<string, (x: number) => readonly [number, number]>> = {
  frexp,
  lgamma_r: (x) => [lgamma(x), gammaSign(x)],
  modf: (x) => [Number.isFinite(x) ? x % 1 : Number.isNaN(x) ? x : x > 0 ? 0 : -0, Math.trunc(x)],
};

/** Steps of what is computed by a series or an integral. */
const COSTS: Readonly<Record<string, number>> = {
  ...{ erf: 80, erfc: 80, j0: 80, j1: 80, jn: 80, y0: 4_000, y1: 4_000, yn: 4_000 },
  ...{ drem: 40, remainder: 40, tgamma: 20, lgamma: 20, gamma: 20 },
};
/** Functions of an order are computed order by order. */
const BY_ORDER: ReadonlySet<string> = new Set(["jn", "yn"]);

/** Builtins about numbers, by name and number of arguments. */
export const MATH_FUNCTIONS: Readonly<Record<string, Native>> = {
  ...mapped(UNARY, 0, (compute, name) => {
    const cost = COSTS[name];
    if (cost === undefined) return (input) => compute(numberOf(input));
    return (input, _args, { budget }) => {
      spend(budget, cost);
      return compute(numberOf(input));
    };
  }),
  ...mapped(SPLITTING, 0, (compute) => (input) => compute(numberOf(input))),
  ...mapped(BINARY, 2, (compute, name) => (_input, [x = null, y = null], { budget }) => {
    spend(budget, (COSTS[name] ?? 0) + (BY_ORDER.has(name) ? Math.abs(numberOf(x)) || 0 : 0));
    return compute(numberOf(x), numberOf(y));
  }),
  "fma/3": (_input, [x = null, y = null, z = null]) => fusedMultiplyAdd(numberOf(x), numberOf(y), numberOf(z)),
  "abs/0": abs,
  "infinite/0": () => Infinity,
  "nan/0": () => Number.NaN,
  "isinfinite/0": (input) => input === Infinity || input === -Infinity,
  "isnan/0": (input) => Number.isNaN(input),
  "isfinite/0": (input) => typeof input === "number" && input !== Infinity && input !== -Infinity,
  "isnormal/0": (input) => typeof input === "number" && Number.isFinite(input) && Math.abs(input) >= LEAST_NORMAL,
};

function mapped<Compute>(
  functions: Readonly<Record<string, Compute>>,
  arity: number,
  native: (compute: Compute, name: string) => Native,
): Record<string, Native> {
  return Object.fromEntries(
    Object.entries(functions).map(([name, compute]) => [`${name}/${arity}`, native(compute, name)] as const),
  );
}

function numberOf(value: Json): number {
  if (typeof value !== "number") throw typeError(value, "number required");
  return value;
}

/** `if . < 0 then -. else . end`: what is above the numbers in jq's order is left as it is. */
function abs(input: Json): Json {
  if (typeof input === "number") return input < 0 ? -input : input;
  if (input === null || typeof input === "boolean") throw typeError(input, "cannot be negated");
  return input;
}

function isNegative(x: number): boolean {
  return x < 0 || Object.is(x, -0);
}

function roundHalfUp(x: number): number {
  const whole = Math.floor(x);
  return x - whole >= 0.5 ? whole + 1 : whole;
}

function roundHalfEven(x: number): number {
  const whole = Math.floor(x);
  const rest = x - whole;
  if (rest === 0 || Number.isNaN(rest)) return x;
  const up = rest > 0.5 || (rest === 0.5 && whole % 2 !== 0);
  const rounded = up ? whole + 1 : whole;
  return rounded === 0 && x < 0 ? -0 : rounded;
}

/** The exponent of a number as a power of two, exact for the smallest too. */
function logb(x: number): number {
  if (x === 0) return -Infinity;
  if (!Number.isFinite(x)) return Math.abs(x);
  const size = Math.abs(x);
  if (size < LEAST_NORMAL) return logb(size * 2 ** 54) - 54;
  const guess = Math.floor(Math.log2(size));
  if (2 ** guess > size) return guess - 1;
  return 2 ** (guess + 1) <= size ? guess + 1 : guess;
}

function frexp(x: number): readonly [number, number] {
  if (x === 0 || !Number.isFinite(x)) return [x, 0];
  const exponent = logb(x) + 1;
  return [scaled(x, -exponent), exponent];
}

/** `x * 2 ** exponent`, in steps that do not overflow on the way. */
function scaled(x: number, exponent: number): number {
  let left = Math.min(Math.max(exponent, -3000), 3000);
  let result = x;
  while (left !== 0) {
    const step = Math.min(Math.max(left, -1000), 1000);
    result *= 2 ** step;
    left -= step;
  }
  return result;
}

function scalb(x: number, exponent: number): number {
  if (exponent === Infinity) return x === 0 ? Number.NaN : x * Infinity;
  if (exponent === -Infinity) return Math.abs(x) === Infinity ? Number.NaN : x * 0;
  return Number.isInteger(exponent) && !Number.isNaN(x) ? scaled(x, exponent) : Number.NaN;
}

/** C's `pow`, where 1 to any power is 1, and -1 to an infinite one. */
function power(x: number, y: number): number {
  if (x === 1 || (x === -1 && Math.abs(y) === Infinity)) return 1;
  return x ** y;
}

/** The remainder of the quotient rounded to the nearest whole number, ties to even; exact. */
function remainder(x: number, y: number): number {
  if (Number.isNaN(x) || Number.isNaN(y) || !Number.isFinite(x) || y === 0) return Number.NaN;
  if (!Number.isFinite(y)) return x;
  const divisor = Math.abs(y);
  const twice = divisor * 2;
  let rest = Number.isFinite(twice) ? Math.abs(x) % twice : Math.abs(x);
  // Halving the divisor would lose its last digit where it is smallest, doubling the rest would overflow where it is largest.
  const small = divisor < 1;
  if (small ? rest * 2 > divisor : rest > divisor / 2) {
    rest -= divisor;
    if (small ? rest * 2 >= divisor : rest >= divisor / 2) rest -= divisor;
  }
  return isNegative(x) ? -rest : rest;
}

const bits = new DataView(new ArrayBuffer(8));

/** The next double after `from` in the direction of `to`. */
function nextAfter(from: number, to: number): number {
  if (Number.isNaN(from) || Number.isNaN(to)) return Number.NaN;
  if (from === to) return to;
  if (from === 0) return to > 0 ? Number.MIN_VALUE : -Number.MIN_VALUE;
  bits.setFloat64(0, from);
  const away = from > 0 === to > from;
  bits.setBigInt64(0, bits.getBigInt64(0) + (away ? 1n : -1n));
  return bits.getFloat64(0);
}

/** `x * y + z` with what the product loses added back. */
function fusedMultiplyAdd(x: number, y: number, z: number): number {
  const product = x * y;
  const plain = product + z;
  if (!Number.isFinite(plain) || Math.abs(x) > 2 ** 500 || Math.abs(y) > 2 ** 500) return plain;
  const lostByProduct = productError(x, y, product);
  const rest = plain - product;
  const lostBySum = product - (plain - rest) + (z - rest);
  return plain + (lostByProduct + lostBySum);
}

/** Dekker: the exact product of two doubles less the rounded one. */
function productError(x: number, y: number, product: number): number {
  const [highX, lowX] = halves(x);
  const [highY, lowY] = halves(y);
  return lowX * lowY - (product - highX * highY - lowX * highY - highX * lowY);
}

/** Veltkamp: two numbers of half the digits. */
function halves(x: number): readonly [number, number] {
  const spread = x * (2 ** 27 + 1);
  const high = spread - (spread - x);
  return [high, x - high];
}
