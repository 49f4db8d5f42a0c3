import { JqError } from "../../errors.ts";

/** A pattern that cannot be used, in Oniguruma's words. */
export function patternError(what: string): JqError {
  return new JqError(`Regex failure: ${what}`);
}
