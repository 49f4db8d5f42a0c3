import type { Json } from "../../../values/json.ts";
import { appliedCode, constantCode, IDENTITY } from "../compile/basic.ts";
import { Code, heightOf, weightOf } from "../compile/code.ts";
import { allocate, burn, type Env, type Flow, GO_ON, type Run, STOP } from "../compile/run.ts";
import { JqError } from "../errors.ts";
import { add } from "../library/arithmetic.ts";
import { typeError } from "../library/failures.ts";
import { isArray, typeOf } from "../library/order.ts";
import { type Match, matchAll, testRegex } from "../library/regex/index.ts";
import { isUnitwise, unitIndex } from "../library/text.ts";
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

/** The pattern and the flags of `test("a")` and `test(["a", "i"])`. */
function patternAndFlags(value: Json): readonly [pattern: Json, flags: Json] {
  if (typeof value === "string") return [value, null];
  if (isArray(value) && value.length > 0) return [value[0] ?? null, value[1] ?? null];
  throw new JqError(`${typeOf(value)} not a string or array`);
}

function matches(text: Json, pattern: Json, flags: Json, run: Run): readonly Match[] {
  const search = searchOf(text, pattern, flags);
  return matchAll(search.text, search.pattern, search.flags, run);
}

/** `test(pattern)` and `test(pattern; flags)` */
export function testCode(pattern: Code, flags: Code | undefined): Code {
  return appliedCode(flags === undefined ? [pattern] : [pattern, flags], (input, values, env) => {
    const [re, modifiers] = flags === undefined ? patternAndFlags(values[0] ?? null) : values;
    const search = searchOf(input, re ?? null, modifiers ?? null);
    return testRegex(search.text, search.pattern, search.flags, env.run);
  });
}

/** `match` and what is made of its outputs: `each` of them one output. */
export function matchCode(pattern: Code, flags: Code | undefined, each: (match: Match) => Json, always = ""): Code {
  const codes = flags === undefined ? [pattern] : [pattern, flags];
  const searches = appliedCode(codes, (input, values, env) => {
    const [re, modifiers] = flags === undefined && always === "" ? patternAndFlags(values[0] ?? null) : values;
    const all = always === "" ? (modifiers ?? null) : add(always, modifiers ?? null, env.run);
    return matches(input, re ?? null, all, env.run) as readonly Match[] as unknown as Json;
  });
  return new Code({
    weight: weightOf([searches]),
    height: heightOf([searches]),
    single: () => false,
    many: () => {
      const many = searches.many();
      return (input, env, emit) =>
        many(input, env, (found) => {
          for (const match of found as unknown as readonly Match[]) {
            burn(env.run, 2);
            allocate(env.run, 64);
            if (emit(each(match)) === STOP) return STOP;
          }
          return GO_ON;
        });
    },
  });
}

export const matchItself = (match: Match): Json => match as unknown as Json;

/** `capture`: the named groups. */
export function namedGroups({ captures }: Match): Json {
  const groups: Draft = {};
  for (const { name, string } of captures) if (name !== null) setOwn(groups, name, string);
  return groups;
}

/** `scan`: the text, or that of the groups when there are some. */
export function textOrGroups({ string, captures }: Match): Json {
  return captures.length === 0 ? string : captures.map((capture) => capture.string);
}

/** Cuts a text at places that are counted in characters. */
class Cutter {
  private readonly unitwise: boolean;

  constructor(private readonly text: string) {
    this.unitwise = isUnitwise(text);
  }

  slice(from: number, to?: number): string {
    if (this.unitwise) return this.text.slice(from, to);
    return this.text.slice(unitIndex(this.text, from), to === undefined ? undefined : unitIndex(this.text, to));
  }
}

/** `splits(pattern; flags)`; the pattern varies slowest. */
export function splitsCode(pattern: Code, flags: Code): Code {
  const pieces = appliedCode([flags, pattern], (input, [modifiers, re], env) => {
    const found = matches(input, re ?? null, add(modifiers ?? null, "g", env.run), env.run);
    return piecesOf(String(input), found, env);
  });
  return new Code({
    weight: pieces.weight,
    height: pieces.height,
    single: () => false,
    many: () => {
      const many = pieces.many();
      return (input, env, emit) =>
        many(input, env, (texts) => {
          for (const text of texts as readonly string[]) {
            burn(env.run, 1);
            if (emit(text) === STOP) return STOP;
          }
          return GO_ON;
        });
    },
  });
}

function piecesOf(text: string, found: readonly Match[], env: Env): readonly string[] {
  const cutter = new Cutter(text);
  burn(env.run, found.length);
  allocate(env.run, found.length * 32);
  let from = 0;
  const pieces = found.map(({ offset, length }) => {
    const piece = cutter.slice(from, offset);
    from = offset + length;
    return piece;
  });
  return [...pieces, cutter.slice(from)];
}

/** `sub(pattern; replacement; flags)`: an output for each output of the replacement, which sees the named groups. */
export function substituteCode(pattern: Code, replacement: Code, flags: Code, always: string): Code {
  const patterns = pattern.many.bind(pattern);
  return new Code({
    weight: weightOf([pattern, replacement, flags]),
    height: heightOf([pattern, replacement, flags]) + 1,
    single: () => false,
    many: () => {
      const patternMany = patterns();
      const flagsMany = flags.many();
      const replace = replacement.many();
      const substitute = (text: Json, re: Json, modifiers: Json, env: Env, emit: (value: Json) => Flow): Flow => {
        const all = always === "" ? modifiers : add(modifiers, always, env.run);
        const found = matches(text, re, all, env.run);
        const results: Json[] = [];
        const cutter = new Cutter(String(text));
        let from = 0;
        for (const match of found) {
          burn(env.run, replacement.weight + 2);
          const gap = cutter.slice(from, match.offset);
          let place = 0;
          const flow = replace(namedGroups(match), env, (insert) => {
            const text = add(gap, insert, env.run);
            results[place] = add(results[place] ?? null, text, env.run);
            place++;
            return GO_ON;
          });
          if (flow === STOP) return STOP;
          from = match.offset + match.length;
        }
        if (results.length === 0) return emit(text);
        const rest = cutter.slice(from);
        for (const result of results) if (emit(add(result, rest, env.run)) === STOP) return STOP;
        return GO_ON;
      };
      return (input, env, emit) =>
        patternMany(input, env, (re) =>
          flagsMany(input, env, (modifiers) => substitute(input, re, modifiers, env, emit)),
        );
    },
  });
}

export const NO_FLAGS = constantCode("");
export const NULL_FLAGS = constantCode(null);
export const ITSELF = IDENTITY;
