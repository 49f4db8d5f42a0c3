/** Between these, both JavaScript and jq write all digits. */
const LEAST_PLAIN = 1e-4;
const LEAST_UNPLAIN = 1e16;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const SPECIAL = /^([+-]?)(?:(inf(?:inity)?)|s?nan)$/i;

/**
 * A number as jq writes it: the fewest digits that give the same double back; `nan` as `null`, the infinities as the largest
 * doubles; an exponent has two digits at least and is used below 1e-4 and where more than 15 zeros would follow the digits.
 */
export function numberText(value: number): string {
  const size = Math.abs(value);
  if (size >= LEAST_PLAIN && size < LEAST_UNPLAIN) return String(value);
  if (size === 0) return Object.is(value, -0) ? "-0" : "0";
  if (Number.isNaN(value)) return "null";
  if (size === Infinity) return numberText(value > 0 ? Number.MAX_VALUE : -Number.MAX_VALUE);
  return extremeText(value);
}

function extremeText(value: number): string {
  const [mantissa = "", exponentText = ""] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  const sign = value < 0 ? "-" : "";
  const digits = mantissa.replace(/[-.]/g, "");
  if (exponent < 0 || exponent + 1 > digits.length + 15) {
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  return sign + digits.padEnd(exponent + 1, "0");
}

/**
 * Reads a number as `tonumber` does: decimal digits with an optional point, sign and exponent, and in any case of letters `nan`,
 * `inf`, `infinity`. No white space.
 *
 * @returns undefined when the text is not a number.
 */
export function parseNumber(text: string): number | undefined {
  if (DECIMAL.test(text)) return Number(text);
  const special = SPECIAL.exec(text);
  if (special === null) return undefined;
  if (special[2] === undefined) return Number.NaN;
  return special[1] === "-" ? -Infinity : Infinity;
}
