import type { Json } from "../../../values/json.ts";
import { JqBudgetError, JqError } from "../errors.ts";
import { shortText } from "../library/json-text.ts";
import { deletePaths } from "../paths/delete.ts";
import { getPath, MAX_PATH_LENGTH } from "../paths/get.ts";
import { type Owned, setPath } from "../paths/set.ts";
import type { UpdateOperator } from "../syntax/ast.ts";
import { type Accumulate, Code, heightOf, type Many, type One, type Paths } from "./code.ts";
import { rootPath } from "./loops.ts";
import { type Operation, operationOf } from "./operators.ts";
import {
  allocate,
  BREAK,
  beforeBreak,
  burn,
  type Env,
  type Flow,
  GO_ON,
  isIntact,
  isTruthy,
  STOP,
  stepsOf,
} from "./run.ts";

/** Calls `take` with each path of an expression. @throws {JqError} when an output is no longer at its path. */
export function eachPath(paths: Paths, input: Json, env: Env, take: (steps: Json[], value: Json) => Flow): Flow {
  return paths(input, rootPath(input), env, (value, path) => {
    if (!isIntact(value, path)) {
      throw new JqError(`Invalid path expression with result ${shortText(value)}`);
    }
    const steps = stepsOf(path);
    burn(env.run, 4 + 2 * steps.length);
    if (steps.length > MAX_PATH_LENGTH) throw new JqError("Path too deep");
    return take(steps, value);
  });
}

/** What an update takes of the stack beside its parts, in nodes. */
const UPDATE_HEIGHT = 8;

/** What an update does to what is at a path; undefined deletes it. */
type Change = (old: Json, env: Env) => Json | undefined;

/** Paths that are kept until all are known; past so many, what they are read from is copied instead. */
const MAX_KEPT_PATHS = 1_000;

/** Calls `take` with each path of the left side. */
type EachPath = (input: Json, env: Env, owned: Owned, take: (steps: Json[]) => Flow) => Flow;

/** All paths are those of the input as it was: a left side that is read on while its input may be changed in place runs ahead. */
function eachPathOf(target: Code): EachPath {
  const paths = target.paths();
  if (target.single()) return (input, env, _owned, take) => eachPath(paths, input, env, take);
  return (input, env, owned, take) =>
    owned.size === 0 ? eachPath(paths, input, env, take) : pathsFirst(paths, input, env, owned, take);
}

function pathsFirst(paths: Paths, input: Json, env: Env, owned: Owned, take: (steps: Json[]) => Flow): Flow {
  const { run } = env;
  const { depth } = run;
  const kept: Json[][] = [];
  let keeps = true;
  let flow: Flow;
  try {
    flow = eachPath(paths, input, env, (steps) => {
      if (!keeps) return take(steps);
      allocate(run, 32 + 8 * steps.length);
      if (kept.push(steps) < MAX_KEPT_PATHS) return GO_ON;
      keeps = false;
      owned.clear();
      return takeAll(kept, take);
    });
  } catch (error) {
    // What comes before an error may fail first. The error may carry the input, which then stays as it is.
    if (keeps && !(error instanceof JqBudgetError)) {
      owned.clear();
      run.depth = depth;
      beforeBreak(run, () => takeAll(kept, take));
    }
    throw error;
  }
  if (!keeps) return flow;
  if (flow !== STOP) return takeAll(kept, take);
  beforeBreak(run, () => takeAll(kept, take));
  return STOP;
}

function takeAll(kept: readonly Json[][], take: (steps: Json[]) => Flow): Flow {
  for (const steps of kept) if (take(steps) === STOP) return STOP;
  return GO_ON;
}

/** Changes a copy of the input at each path of the left side, in turn. */
function changed(target: EachPath, input: Json, env: Env, change: Change, owned: Owned): Json {
  const deleted: Json[] = [];
  let root = input;
  const flow = target(input, env, owned, (steps) => {
    const old = getPath(root, steps, env.run);
    // What is seen may be kept, and so may no longer be changed in place.
    if (typeof old === "object" && old !== null && owned.has(old)) owned.clear();
    const value = change(old, env);
    if (value === undefined) deleted.push(steps);
    else root = setPath(root, steps, value, env.run, owned);
    return GO_ON;
  });
  if (flow === STOP) throw BREAK;
  if (deleted.length === 0) return root;
  owned.clear();
  return deletePaths(root, deleted, env.run);
}

/** `target |= update`: the first output of `update`; without one the path is deleted. */
export function modifyCode(target: Code, update: Code): Code {
  return new Code({
    weight: target.weight + update.weight + 2,
    height: heightOf([target, update]) + UPDATE_HEIGHT,
    single: () => true,
    one: () => {
      const accumulate = modify(target, update);
      return (input, env) => accumulate(input, env, new Set());
    },
    accumulate: () => modify(target, update),
  });
}

function modify(target: Code, update: Code): Accumulate {
  const paths = eachPathOf(target);
  const change = update.single() ? update.one() : firstOf(update.many());
  const weighed: Change = (old, env) => {
    burn(env.run, update.weight);
    return change(old, env);
  };
  return (input, env, owned) => changed(paths, input, env, weighed, owned);
}

/** The first output, or undefined. */
export function firstOf(many: Many): (input: Json, env: Env) => Json | undefined {
  return (input, env) => {
    let first: Json | undefined;
    const flow = many(input, env, (value) => {
      first = value;
      return STOP;
    });
    if (flow === STOP && first === undefined) throw BREAK;
    return first;
  };
}

const ASSIGN: Operation = (_old, value) => value;
const ALTERNATIVE: Operation = (old, value) => (isTruthy(old) ? old : value);
const ARITHMETIC = { "+=": "+", "-=": "-", "*=": "*", "/=": "/", "%=": "%" } as const;

function combinationOf(operator: Exclude<UpdateOperator, "|=">): Operation {
  if (operator === "=") return ASSIGN;
  return operator === "//=" ? ALTERNATIVE : operationOf(ARITHMETIC[operator]);
}

/** `target = value`, `target += value` and the like, once for each output of `value`. */
export function assignCode(operator: Exclude<UpdateOperator, "|=">, target: Code, value: Code): Code {
  const combine = combinationOf(operator);
  return new Code({
    weight: target.weight + value.weight + 2,
    height: heightOf([target, value]) + UPDATE_HEIGHT,
    single: () => value.single(),
    one: () => {
      const accumulate = assign(combine, target, value);
      return (input, env) => accumulate(input, env, new Set());
    },
    many: () => {
      const values = value.many();
      const paths = eachPathOf(target);
      return (input, env, emit) =>
        values(input, env, (operand) => {
          burn(env.run, target.weight);
          return emit(changed(paths, input, env, combinedWith(combine, operand), new Set()));
        });
    },
    accumulate: () => assign(combine, target, value),
  });
}

function assign(combine: Operation, target: Code, value: Code): Accumulate {
  const paths = eachPathOf(target);
  const one: One = value.one();
  return (input, env, owned) => {
    const operand = one(input, env);
    // It may hold the input, or a part of it.
    if (value.usesInput && typeof operand === "object" && operand !== null) owned.clear();
    return changed(paths, input, env, combinedWith(combine, operand), owned);
  };
}

function combinedWith(combine: Operation, operand: Json): Change {
  return (old, env) => combine(old, operand, env.run);
}
