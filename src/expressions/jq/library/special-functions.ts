/**
 * Functions of C's math library that JavaScript lacks, by series and integrals rather than tables: good to about 1e-14, where C is to
 * 1e-16. Every one takes bounded time.
 */

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);
const EULER = 0.5772156649015329;
const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);

/** Below this the series is used, above it the continued fraction. */
const FRACTION_FROM = 1;

/** The error function. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (size > FRACTION_FROM) return Math.sign(x) * (1 - erfcOfLarge(size));
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-18 && n < 100; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return TWO_OVER_SQRT_PI * sum;
}

/** `1 - erf(x)`, without the loss of digits where that is small. */
export function erfc(x: number): number {
  return x > FRACTION_FROM ? erfcOfLarge(x) : 1 - erf(x);
}

/** A continued fraction, from its far end. */
function erfcOfLarge(x: number): number {
  if (x > 27) return 0;
  let fraction = 0;
  for (let n = 400; n > 0; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / (x + fraction) / Math.sqrt(Math.PI);
}

/** Coefficients of Stirling's series: Bernoulli numbers over 2k (2k - 1). */
const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400] as const;
const STIRLING_FROM = 10;

/** The logarithm of the absolute value of the gamma function. */
export function lgamma(x: number): number {
  if (Number.isNaN(x)) return x;
  if (!Number.isFinite(x) || (x <= 0 && Number.isInteger(x))) return Infinity;
  if (x === 1 || x === 2) return 0;
  if (x < 0.5) return Math.log(Math.PI) - Math.log(Math.abs(sinPi(x))) - lgamma(1 - x);
  let shifted = x;
  let product = 1;
  for (; shifted < STIRLING_FROM; shifted++) product *= shifted;
  return (shifted - 0.5) * Math.log(shifted) - shifted + HALF_LOG_TWO_PI + stirlingTail(shifted) - Math.log(product);
}

function stirlingTail(x: number): number {
  let power = x;
  let sum = 0;
  for (const coefficient of STIRLING) {
    sum += coefficient / power;
    power *= x * x;
  }
  return sum;
}

/** `sin(πx)`, exact at whole numbers. */
function sinPi(x: number): number {
  return Math.sin(Math.PI * (x % 2));
}

/** The sign of the gamma function, 1 or -1. */
export function gammaSign(x: number): number {
  if (x === 0) return Object.is(x, -0) ? -1 : 1;
  return x < 0 && Math.floor(x) % 2 !== 0 && !Number.isInteger(x) ? -1 : 1;
}

/** The gamma function; whole numbers give exact factorials as far as a double holds them. */
export function tgamma(x: number): number {
  if (x === 0) return 1 / x;
  if (x === -Infinity || (x < 0 && Number.isInteger(x))) return Number.NaN;
  if (x > 171.7) return Infinity;
  if (Number.isInteger(x)) return factorial(x - 1);
  if (x < 0.5) return Math.PI / (sinPi(x) * tgamma(1 - x));
  let shifted = x;
  let product = 1;
  for (; shifted < STIRLING_FROM; shifted++) product *= shifted;
  const halfPower = shifted ** (shifted / 2 - 0.25); // the whole power may be too large
  return ((Math.sqrt(2 * Math.PI) * halfPower * Math.exp(stirlingTail(shifted) - shifted)) / product) * halfPower;
}

function factorial(n: number): number {
  let product = 1;
  for (let i = 2; i <= n; i++) product *= i;
  return product;
}

/** From here on Hankel's expansion is exact enough and the integral would take too many points. */
const LARGE = 60;
const MAX_ORDER = 10_000;

/** The Bessel function of the first kind, of whole order; orders beyond 10,000 give 0. */
export function besselJ(order: number, x: number): number {
  if (Number.isNaN(x)) return x;
  if (order < 0) return (order % 2 === 0 ? 1 : -1) * besselJ(-order, x);
  if (x < 0) return (order % 2 === 0 ? 1 : -1) * besselJ(order, -x);
  if (!Number.isFinite(x) || order > MAX_ORDER) return 0;
  if (x > LARGE && order <= x) return forward(order, x, hankel(0, x).first, hankel(1, x).first);
  // The series' terms must fall from the first on, or digits are lost.
  return (x * x) / 4 < order + 1 ? besselSeries(order, x) : besselIntegral(order, x);
}

/** The trapezoid rule, which converges exponentially for a periodic function. */
function besselIntegral(order: number, x: number): number {
  const points = Math.ceil(order + x + 40);
  let sum = 0;
  for (let i = 0; i < points; i++) {
    const angle = (Math.PI * (i + 0.5)) / points;
    sum += Math.cos(order * angle - x * Math.sin(angle));
  }
  return sum / points;
}

function besselSeries(order: number, x: number): number {
  let term = 1;
  for (let i = 1; i <= order && term !== 0; i++) term *= x / 2 / i;
  let sum = term;
  for (let k = 1; k < 200 && Math.abs(term) > Math.abs(sum) * 1e-18; k++) {
    term *= (-x * x) / 4 / (k * (k + order));
    sum += term;
  }
  return sum;
}

/** The Bessel function of the second kind, of whole order. */
export function besselY(order: number, x: number): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN;
  if (order < 0) return (order % 2 === 0 ? 1 : -1) * besselY(-order, x);
  if (x === 0) return -Infinity;
  if (!Number.isFinite(x)) return 0;
  if (order > MAX_ORDER) return -Infinity;
  if (x > LARGE) return forward(order, x, hankel(0, x).second, hankel(1, x).second);
  const y0 = besselY0(x);
  // Wronskian: J1 Y0 - J0 Y1 = 2 / πx. Where J0 is small this loses digits.
  const y1 = Math.abs(besselJ(0, x)) > 0.1 ? wronskianY1(x, y0) : besselY1(x);
  return forward(order, x, y0, y1);
}

function wronskianY1(x: number, y0: number): number {
  return (besselJ(1, x) * y0 - 2 / (Math.PI * x)) / besselJ(0, x);
}

/** Neumann's series for order 0. */
function besselY0(x: number): number {
  let sum = (Math.log(x) - Math.LN2 + EULER) * besselJ(0, x);
  for (let k = 1; k <= x + 30; k++) sum -= (2 * (k % 2 === 0 ? 1 : -1) * besselJ(2 * k, x)) / k;
  return (2 / Math.PI) * sum;
}

/** The derivative of Neumann's series, as `Y1 = -Y0'`. */
function besselY1(x: number): number {
  let sum = besselJ(0, x) / x - (Math.log(x) - Math.LN2 + EULER) * besselJ(1, x);
  for (let k = 1; k <= x + 30; k++) {
    const derivative = (besselJ(2 * k - 1, x) - besselJ(2 * k + 1, x)) / 2;
    sum -= (2 * (k % 2 === 0 ? 1 : -1) * derivative) / k;
  }
  return (-2 / Math.PI) * sum;
}

/** Order by order upwards: stable for the second kind, and for the first while the order is below `x`. */
function forward(order: number, x: number, zeroth: number, first: number): number {
  if (order === 0) return zeroth;
  let [below, at] = [zeroth, first];
  for (let n = 1; n < order && Number.isFinite(at); n++) [below, at] = [at, ((2 * n) / x) * at - below];
  return at;
}

/** Hankel's asymptotic expansion, for `x` far above the order. */
function hankel(order: number, x: number): { readonly first: number; readonly second: number } {
  const mu = 4 * order * order;
  let term = 1;
  let even = 1;
  let odd = 0;
  for (let k = 1; k < 12; k++) {
    term *= (mu - (2 * k - 1) ** 2) / (k * 8 * x);
    if (k % 2 === 1) odd += (k % 4 === 1 ? 1 : -1) * term;
    else even += (k % 4 === 0 ? 1 : -1) * term;
  }
  const scale = Math.sqrt(2 / (Math.PI * x));
  // The angle less π(order/2 + 1/4), by the addition theorems: subtracting it from a large `x` would lose digits.
  const turn = (Math.PI * ((2 * order + 1) % 8)) / 4;
  const cos = Math.cos(x) * Math.cos(turn) + Math.sin(x) * Math.sin(turn);
  const sin = Math.sin(x) * Math.cos(turn) - Math.cos(x) * Math.sin(turn);
  return { first: scale * (even * cos - odd * sin), second: scale * (even * sin + odd * cos) };
}
