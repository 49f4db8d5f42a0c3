import type { FunctionDefinition } from "../syntax/ast.ts";
import { parseDefinitions } from "../syntax/parser.ts";

/** Builtins that are shortest in jq itself. Each is parsed when a program first uses it. */
const DEFINITIONS: Readonly<Record<string, string>> = {
  "values/0": "def values: select(. != null);",
  "nulls/0": "def nulls: select(. == null);",
  "booleans/0": 'def booleans: select(type == "boolean");',
  "numbers/0": 'def numbers: select(type == "number");',
  "strings/0": 'def strings: select(type == "string");',
  "arrays/0": 'def arrays: select(type == "array");',
  "objects/0": 'def objects: select(type == "object");',
  "iterables/0": 'def iterables: select(type | . == "array" or . == "object");',
  "scalars/0": 'def scalars: select(type | . != "array" and . != "object");',
  "finites/0": "def finites: select(isfinite);",
  "normals/0": "def normals: select(isnormal);",
  "isfinite/0": 'def isfinite: type == "number" and (isinfinite | not);',
  "while/2": "def while(condition; next): def _while: if condition then ., (next | _while) else empty end; _while;",
  "todate/0": 'def todate: strftime("%Y-%m-%dT%H:%M:%SZ");',
  "fromdate/0": 'def fromdate: strptime("%Y-%m-%dT%H:%M:%SZ") | mktime;',
  "todateiso8601/0": "def todateiso8601: todate;",
  "fromdateiso8601/0": "def fromdateiso8601: fromdate;",
  "dateadd/2": "def dateadd(unit; seconds): . + seconds;",
  "datesub/2": "def datesub(unit; seconds): . - seconds;",
  "combinations/0":
    "def combinations: if length == 0 then [] else .[0][] as $first | (.[1:] | combinations) as $rest | [$first] + $rest end;",
  "combinations/1": "def combinations(n): . as $set | [range(n) | $set] | combinations;",
  "fromstream/1": `def fromstream(events): {x: null, e: false} as $start
    | foreach events as $event ($start;
        if .e then $start else . end
        | if $event | length == 2
          then setpath(["e"]; $event[0] | length == 0) | setpath(["x"] + $event[0]; $event[1])
          else setpath(["e"]; $event[0] | length == 1) end;
        if .e then .x else empty end);`,
  "truncate_stream/1": `def truncate_stream(events): . as $depth | null | events
    | . as $event | if (.[0] | length) > $depth then setpath([0]; $event[0][$depth:]) else empty end;`,
  "INDEX/2": "def INDEX(rows; key): reduce rows as $row ({}; .[$row | key | tostring] = $row);",
  "INDEX/1": "def INDEX(key): INDEX(.[]; key);",
  "JOIN/2": "def JOIN($index; key): [.[] | [., $index[key]]];",
  "JOIN/3": "def JOIN($index; rows; key): rows | [., $index[key]];",
  "JOIN/4": "def JOIN($index; rows; key; join): rows | [., $index[key]] | join;",
};

const parsed = new Map<string, FunctionDefinition>();

/** The definition of a builtin, by name and arity. */
export function findPrelude(key: string): FunctionDefinition | undefined {
  const known = parsed.get(key);
  if (known !== undefined) return known;
  const text = Object.hasOwn(DEFINITIONS, key) ? DEFINITIONS[key] : undefined;
  const definition = text === undefined ? undefined : parseDefinitions(text)[0];
  if (definition !== undefined) parsed.set(key, definition);
  return definition;
}

export const PRELUDE_NAMES: readonly string[] = Object.keys(DEFINITIONS);
