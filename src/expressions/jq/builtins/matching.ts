import type { Json } from "../../../values/json.ts";
import { appliedCode, productOf } from "../compile/basic.ts";
import { Code, heightOf, weightOf } from "../compile/code.ts";
import { allocate, burn, type Env, type Flow, GO_ON, type Run, STOP } from "../compile/run.ts";
import { JqError } from "../errors.ts";
import { add } from "../library/arithmetic.ts";
import { typeError } from "../library/failures.ts";
import { isArray, typeOf } from "../library/order.ts";
import { type Match, matchAll, testRegex } from "../library/regex/index.ts";
import { isUnitwise, unitsAt } from "../library/text.ts";
import { type Draft, setOwn } from "../objects.ts";

interface Search {
  readonly text: string;
  readonly pattern: string;
  readonly flags: string | null;
}

/** The operands of a match, checked in jq's order. */
function searchOf(text: Json, pattern: Json, flags: Json): Search {
  if (typeof text !== "string") throw typeError(text, "cannot be matched, as it is not a string");
  if (typeof pattern !== "string") throw typeError(pattern, "is not a string");
  if (typeof flags !== "string" && flags !== null) throw typeError(flags, "is not a string");
  return { text, pattern, flags };
}

function matchesOf({ text, pattern, flags }: Search, run: Run): readonly Match[] {
  return matchAll(text, pattern, flags, run);
}

/** The pattern and the flags of the forms with one argument: `"a"`, `["a"]` or `["a", "i"]`. */
function patternAndFlags(value: Json): readonly [pattern: Json, flags: Json] {
  if (typeof value === "string") return [value, null];
  if (isArray(value) && value.length > 0) return [value[0] ?? null, value[1] ?? null];
  throw new JqError(`${typeOf(value)} not a string or array`);
}

/** `test(pattern)` and `test(pattern; flags)` */
export function testCode(pattern: Code, flags: Code | undefined): Code {
  return appliedCode(
    flags === undefined ? [pattern] : [pattern, flags],
    (input, [first = null, second = null], env) => {
      const [re, modifiers] = flags === undefined ? patternAndFlags(first) : [first, second];
      const search = searchOf(input, re, modifiers);
      return testRegex(search.text, search.pattern, search.flags, env.run);
    },
  );
}

/** Goes through the matches; `match` itself, `capture` and `scan` differ in what they make of each. */
function matchingCode(
  args: readonly Code[],
  searchFor: (input: Json, values: readonly Json[]) => Search,
  outputOf: (match: Match) => Json,
): Code {
  return new Code({
    weight: weightOf(args) + 2,
    height: heightOf(args) + 1,
    single: () => false,
    many: () => {
      const product = productOf(args);
      return (input, env, emit) =>
        product(input, env, (values) => {
          for (const match of matchesOf(searchFor(input, values), env.run)) {
            burn(env.run, 2);
            allocate(env.run, 64);
            if (emit(outputOf(match)) === STOP) return STOP;
          }
          return GO_ON;
        });
    },
  });
}

/** `match(pattern)`, `capture(pattern)` and their forms with flags, which vary slowest. */
export function matchCode(pattern: Code, flags: Code | undefined, outputOf: (match: Match) => Json): Code {
  if (flags !== undefined) {
    return matchingCode(
      [pattern, flags],
      (input, [re = null, modifiers = null]) => searchOf(input, re, modifiers),
      outputOf,
    );
  }
  return matchingCode([pattern], (input, [value = null]) => searchOf(input, ...patternAndFlags(value)), outputOf);
}

/** `scan(pattern; flags)`; the pattern varies slowest. */
export function scanCode(pattern: Code, flags: Code): Code {
  const searchFor = (input: Json, [modifiers = null, re = null]: readonly Json[]): Search =>
    searchOf(input, re, modifiers);
  return matchingCode([flags, pattern], searchFor, textOrGroups);
}

/** `match`: all that is known of it. */
export function wholeMatch({ offset, length, string, captures }: Match): Json {
  return { offset, length, string, captures: captures.map((capture) => ({ ...capture })) };
}

/** `capture`: the named groups. */
export function namedGroups({ captures }: Match): Json {
  const groups: Draft = {};
  for (const { name, string } of captures) if (name !== null) setOwn(groups, name, string);
  return groups;
}

/** `scan`: the text, or that of the groups when there are some. */
function textOrGroups({ string, captures }: Match): Json {
  return captures.length === 0 ? string : captures.map((capture) => capture.string);
}

/** Cuts a text at places that are counted in characters, each at or after the one before. */
class Cutter {
  private readonly unitwise: boolean;
  private character = 0;
  private unit = 0;

  constructor(
    private readonly text: string,
    private readonly run: Run,
  ) {
    this.unitwise = isUnitwise(text);
  }

  slice(from: number, to?: number): string {
    const start = this.unitOf(from);
    return this.text.slice(start, to === undefined ? undefined : this.unitOf(to));
  }

  /** The place of a character in UTF-16 units. */
  private unitOf(character: number): number {
    if (this.unitwise) return character;
    burn(this.run, character - this.character);
    for (; this.character < character; this.character++) this.unit += unitsAt(this.text, this.unit);
    return this.unit;
  }
}

/** `splits(pattern; flags)`; the pattern varies slowest. */
export function splitsCode(pattern: Code, flags: Code): Code {
  const args = [flags, pattern];
  return new Code({
    weight: weightOf(args) + 2,
    height: heightOf(args) + 1,
    single: () => false,
    many: () => {
      const product = productOf(args);
      return (input, env, emit) =>
        product(input, env, ([modifiers = null, re = null]) => emitPieces(searchOf(input, re, modifiers), env, emit));
    },
  });
}

function emitPieces(search: Search, env: Env, emit: (value: Json) => Flow): Flow {
  const cutter = new Cutter(search.text, env.run);
  let from = 0;
  for (const { offset, length } of matchesOf(search, env.run)) {
    burn(env.run, 2);
    if (emit(cutter.slice(from, offset)) === STOP) return STOP;
    from = offset + length;
  }
  return emit(cutter.slice(from));
}

/** `sub(pattern; replacement; flags)`: an output for each output of the replacement, which sees the named groups. */
export function substituteCode(pattern: Code, replacement: Code, flags: Code): Code {
  const parts = [pattern, replacement, flags];
  return new Code({
    weight: weightOf(parts) + 2,
    height: heightOf(parts) + 1,
    single: () => false,
    many: () => {
      const product = productOf([flags, pattern]);
      const replace = replacement.many();
      return (input, env, emit) =>
        product(input, env, ([modifiers = null, re = null]) => {
          const results: Json[] = [];
          const search = searchOf(input, re, modifiers);
          const cutter = new Cutter(search.text, env.run);
          let from = 0;
          for (const match of matchesOf(search, env.run)) {
            burn(env.run, replacement.weight + 2);
            const gap = cutter.slice(from, match.offset);
            if (append(results, gap, (take) => replace(namedGroups(match), env, take), env) === STOP) return STOP;
            from = match.offset + match.length;
          }
          if (results.length === 0) return emit(input);
          const rest = cutter.slice(from);
          for (const result of results) if (emit(add(result, rest, env.run)) === STOP) return STOP;
          return GO_ON;
        });
    },
  });
}

/** Adds what is between two matches, and each output of the replacement, to the result of the same place. */
function append(results: Json[], gap: string, inserts: (take: (insert: Json) => Flow) => Flow, env: Env): Flow {
  let place = 0;
  return inserts((insert) => {
    results[place] = add(results[place] ?? null, add(gap, insert, env.run), env.run);
    place++;
    return GO_ON;
  });
}
