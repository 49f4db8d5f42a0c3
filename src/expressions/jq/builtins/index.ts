import type { Json } from "../../../values/json.ts";
import { constantCode, IDENTITY, pipeCode } from "../compile/basic.ts";
import { always, Code } from "../compile/code.ts";
import { arrayCode } from "../compile/construct.ts";
import { indexCode } from "../compile/fields.ts";
import { EMPTY } from "../compile/functions.ts";
import { binaryCode } from "../compile/operators.ts";
import { modifyCode } from "../compile/updates.ts";
import { JqError } from "../errors.ts";
import { COLLECTION_FUNCTIONS } from "../library/collections.ts";
import { DATE_FUNCTIONS } from "../library/dates.ts";
import { MATH_FUNCTIONS } from "../library/math.ts";
import { SORTING_FUNCTIONS } from "../library/sorting.ts";
import { STRING_FUNCTIONS } from "../library/strings.ts";
import type { Native } from "../native.ts";
import { addCode, anyCode, ELEMENTS, keyedCode, mapCode, nativeCode, plainCode, selectCode } from "./collections.ts";
import { ERROR, errorCode } from "./errors.ts";
import { matchCode, namedGroups, scanCode, splitsCode, substituteCode, testCode, wholeMatch } from "./matching.ts";
import { deleteCode, deletePathsCode, getPathCode, pathCode, pickCode, setPathCode, TO_STREAM } from "./places.ts";
import { PRELUDE_NAMES } from "./prelude.ts";
import { RECURSE, recurseCode, walkCode } from "./recursion.ts";
import {
  firstCode,
  isEmptyCode,
  lastCode,
  limitCode,
  nthCode,
  rangeCode,
  repeatCode,
  skipCode,
  untilCode,
} from "./streams.ts";

export { findPrelude } from "./prelude.ts";
export { refusalOf } from "./refused.ts";

/** Compiles a call from its compiled arguments. */
type Builtin = (args: readonly Code[]) => Code;

const NATIVES: Readonly<Record<string, Native>> = {
  ...STRING_FUNCTIONS,
  ...COLLECTION_FUNCTIONS,
  ...SORTING_FUNCTIONS,
  ...MATH_FUNCTIONS,
  ...DATE_FUNCTIONS,
};

const none =
  (code: Code): Builtin =>
  () =>
    code;
const one =
  (make: (a: Code) => Code): Builtin =>
  ([a = IDENTITY]) =>
    make(a);
const two =
  (make: (a: Code, b: Code) => Code): Builtin =>
  ([a = IDENTITY, b = IDENTITY]) =>
    make(a, b);

const three =
  (make: (a: Code, b: Code, c: Code) => Code): Builtin =>
  ([a = IDENTITY, b = IDENTITY, c = IDENTITY]) =>
    make(a, b, c);

const keyed = (name: string): Builtin => one((f) => keyedCode(f, native(name)));
const number = (value: number): Code => constantCode(value);
const at = (key: Code): Code => indexCode(IDENTITY, key, false);
const isOne = (rows: Code, value: Code): Code => anyCode(binaryCode("==", rows, value), IDENTITY, true);
const hasSteps = binaryCode(">", plainCode(native("length/0")), number(0));
const GLOBAL = constantCode("g");
const globally = (flags: Code): Code => binaryCode("+", flags, GLOBAL);
const pathsOf = (target: Code): Code => pipeCode(pathCode(target), selectCode(hasSteps));

const BUILTINS: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  ["empty/0", none(EMPTY)],
  ["error/0", none(ERROR)],
  ["error/1", one(errorCode)],
  ["map/1", one(mapCode)],
  ["select/1", one(selectCode)],
  ["map_values/1", one((f) => modifyCode(ELEMENTS, f))],
  ["with_entries/1", one(withEntries)],
  ["add/1", one(addCode)],
  ["any/1", one((f) => anyCode(ELEMENTS, f, true))],
  ["all/1", one((f) => anyCode(ELEMENTS, f, false))],
  ["any/2", two((source, f) => anyCode(source, f, true))],
  ["all/2", two((source, f) => anyCode(source, f, false))],
  ["IN/1", one((rows) => isOne(rows, IDENTITY))],
  ["IN/2", two((source, rows) => isOne(source, rows))],
  ["sort_by/1", keyed("_sort_by_impl/1")],
  ["group_by/1", keyed("_group_by_impl/1")],
  ["unique_by/1", keyed("_unique_by_impl/1")],
  ["min_by/1", keyed("_min_by_impl/1")],
  ["max_by/1", keyed("_max_by_impl/1")],
  ["first/0", none(at(number(0)))],
  ["last/0", none(at(number(-1)))],
  ["nth/1", one(at)],
  ["first/1", one(firstCode)],
  ["last/1", one(lastCode)],
  ["nth/2", two(nthCode)],
  ["limit/2", two(limitCode)],
  ["skip/2", two(skipCode)],
  ["isempty/1", one(isEmptyCode)],
  ["until/2", two(untilCode)],
  ["repeat/1", one(repeatCode)],
  ["range/1", one((to) => rangeCode(number(0), to, undefined))],
  ["range/2", two((from, to) => rangeCode(from, to, undefined))],
  ["range/3", three(rangeCode)],
  ["recurse/0", none(RECURSE)],
  ["recurse/1", one(recurseCode)],
  ["recurse/2", two((next, condition) => recurseCode(pipeCode(next, selectCode(condition))))],
  ["walk/1", one(walkCode)],
  ["path/1", one(pathCode)],
  ["paths/0", none(pathsOf(RECURSE))],
  ["paths/1", one((f) => pathsOf(pipeCode(RECURSE, selectCode(f))))],
  ["getpath/1", one(getPathCode)],
  ["setpath/2", two(setPathCode)],
  ["delpaths/1", one(deletePathsCode)],
  ["del/1", one(deleteCode)],
  ["pick/1", one(pickCode)],
  ["tostream/0", none(TO_STREAM)],
  ["test/1", one((pattern) => testCode(pattern, undefined))],
  ["test/2", two(testCode)],
  ["match/1", one((pattern) => matchCode(pattern, undefined, wholeMatch))],
  ["match/2", two((pattern, flags) => matchCode(pattern, flags, wholeMatch))],
  ["capture/1", one((pattern) => matchCode(pattern, undefined, namedGroups))],
  ["capture/2", two((pattern, flags) => matchCode(pattern, flags, namedGroups))],
  ["scan/1", one((pattern) => scanCode(pattern, GLOBAL))],
  ["scan/2", two((pattern, flags) => scanCode(pattern, binaryCode("+", GLOBAL, flags)))],
  ["splits/1", one((pattern) => splitsCode(pattern, GLOBAL))],
  ["splits/2", two((pattern, flags) => splitsCode(pattern, globally(flags)))],
  ["split/2", two((pattern, flags) => arrayCode(splitsCode(pattern, globally(flags)), []))],
  ["sub/2", two((pattern, replacement) => substituteCode(pattern, replacement, constantCode("")))],
  ["sub/3", three(substituteCode)],
  ["gsub/2", two((pattern, replacement) => substituteCode(pattern, replacement, GLOBAL))],
  ["gsub/3", three((pattern, replacement, flags) => substituteCode(pattern, replacement, globally(flags)))],
  ["env/0", none(constantCode({}))],
  ["input_line_number/0", none(number(0))],
  ["have_decnum/0", none(constantCode(false))],
  ["have_literal_numbers/0", none(constantCode(true))],
  ["now/0", none(now())],
]);

function withEntries(f: Code): Code {
  const entries = plainCode(native("to_entries/0"));
  return pipeCode(pipeCode(entries, mapCode(f)), plainCode(native("from_entries/0")));
}

function native(key: string): Native {
  const found = NATIVES[key];
  if (found === undefined) throw new Error(`the library has no ${key}`);
  return found;
}

/** The time of the evaluation, in seconds. */
function now(): Code {
  return new Code({
    weight: 1,
    height: 1,
    single: always,
    one: () => (_input, env) => {
      if (Number.isNaN(env.run.now)) throw new JqError("now: no time was given to this evaluation");
      return env.run.now / 1_000;
    },
    usesInput: false,
  });
}

/** Natives that do not look into a text: it may stay in pieces. */
const BLIND: ReadonlySet<string> = new Set(["type/0", "not/0", "tostring/0", "toarray/0"]);

/** How a call of a builtin is compiled, by name and arity (`"map/1"`); undefined when there is none. */
export function findBuiltin(key: string): Builtin | undefined {
  const builtin = BUILTINS.get(key);
  if (builtin !== undefined) return builtin;
  if (key === "builtins/0") return () => constantCode(names());
  const found = Object.hasOwn(NATIVES, key) ? NATIVES[key] : undefined;
  return found === undefined ? undefined : (args) => nativeCode(found, args, !BLIND.has(key));
}

/** All that can be called, as `builtins` lists it. */
function names(): Json {
  const all = [...BUILTINS.keys(), ...Object.keys(NATIVES), ...PRELUDE_NAMES, "builtins/0"];
  return [...new Set(all)].filter((name) => !name.startsWith("_"));
}
