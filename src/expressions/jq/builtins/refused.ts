const READS_NOTHING = "an expression reads only its input and its variables";
const WRITES_NOTHING = "an expression gives only its outputs";
const STOPS_NOTHING = "an expression cannot end the process; use error";
const NO_MODULES = "an expression has no modules";

/** Builtins of jq that would reach outside, and why they are not here. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ["input/0", READS_NOTHING],
  ["inputs/0", READS_NOTHING],
  ["input_filename/0", READS_NOTHING],
  ["debug/0", WRITES_NOTHING],
  ["debug/1", WRITES_NOTHING],
  ["stderr/0", WRITES_NOTHING],
  ["halt/0", STOPS_NOTHING],
  ["halt_error/0", STOPS_NOTHING],
  ["halt_error/1", STOPS_NOTHING],
  ["get_search_list/0", NO_MODULES],
  ["get_prog_origin/0", NO_MODULES],
  ["get_jq_origin/0", NO_MODULES],
  ["modulemeta/0", NO_MODULES],
]);

/** Why a builtin of jq cannot be used, or undefined when jq has no such builtin. */
export function refusalOf(key: string): string | undefined {
  const why = REFUSED.get(key);
  return why === undefined ? undefined : `"${key.slice(0, key.indexOf("/"))}" cannot be used: ${why}`;
}
