import type { Json } from "../../../values/json.ts";
import { payForEquality } from "../budget.ts";
import { JqError } from "../errors.ts";
import { add, divide, modulo, multiply, subtract } from "../library/arithmetic.ts";
import { shortText } from "../library/json-text.ts";
import { compareValues, equalValues, isArray, typeOf } from "../library/order.ts";
import { type Draft, setOwn } from "../objects.ts";
import { copyOfObject, draftOf } from "../paths/set.ts";
import type { BinaryOperator } from "../syntax/ast.ts";
import { appliedCode, constantCode, IDENTITY } from "./basic.ts";
import { type Accumulate, Code, type Many, type One } from "./code.ts";
import { allocate, burn, isTruthy, Run } from "./run.ts";

/** A function of two values. @throws {JqError} */
export type Operation = (a: Json, b: Json, run: Run) => Json;

const OPERATIONS: Readonly<Record<BinaryOperator, Operation>> = {
  "+": (a, b, run) => (typeof a === "number" && typeof b === "number" ? a + b : add(a, b, run)),
  "-": (a, b, run) => (typeof a === "number" && typeof b === "number" ? a - b : subtract(a, b, run)),
  "*": (a, b, run) => (typeof a === "number" && typeof b === "number" ? a * b : multiply(a, b, run)),
  "/": (a, b, run) => divide(a, b, run),
  "%": (a, b, run) => modulo(a, b, run),
  "==": (a, b, run) => (isScalar(a) ? equalScalar(a, b, run) : equalValues(a, b, run)),
  "!=": (a, b, run) => !(isScalar(a) ? equalScalar(a, b, run) : equalValues(a, b, run)),
  "<": (a, b, run) => compare(a, b, run) < 0,
  "<=": (a, b, run) => compare(a, b, run) <= 0,
  ">": (a, b, run) => compare(a, b, run) > 0,
  ">=": (a, b, run) => compare(a, b, run) >= 0,
};

function equalScalar(a: Json, b: Json, run: Run): boolean {
  if (typeof a === "string" && typeof b === "string") payForEquality(run, a, b);
  return a === b;
}

function isScalar(value: Json): boolean {
  return typeof value !== "object" || value === null;
}

function compare(a: Json, b: Json, run: Run): number {
  if (typeof a === "number" && typeof b === "number") {
    if (a < b) return -1;
    if (a > b) return 1;
    if (a === b) return 0;
  }
  return compareValues(a, b, run);
}

export function operationOf(operator: BinaryOperator): Operation {
  return OPERATIONS[operator];
}

/** Enough for a constant; what needs more is left to the evaluation. */
const FOLDING = new Run(0, 0, Number.NaN, []);
const FOLDING_FUEL = 10_000;
const FOLDING_BYTES = 10_000;

/** `left + right` and the like, once for each combination; the right side varies slowest. */
export function binaryCode(operator: BinaryOperator, left: Code, right: Code): Code {
  const operation = OPERATIONS[operator];
  const folded = fold(operation, left.constant, right.constant);
  if (folded !== undefined) return constantCode(folded);
  return new Code({
    weight: left.weight + right.weight + 1,
    height: Math.max(left.height, right.height) + 1,
    single: () => left.single() && right.single(),
    one: () => binaryOne(operation, left, right),
    many: () => binaryMany(operation, left, right),
    usesInput: left.usesInput || right.usesInput,
    ...(operator === "+" && left === IDENTITY ? { accumulate: () => appending(right) } : {}),
  });
}

function fold(operation: Operation, left: Json | undefined, right: Json | undefined): Json | undefined {
  if (left === undefined || right === undefined) return undefined;
  FOLDING.fuel = FOLDING_FUEL;
  FOLDING.bytes = FOLDING_BYTES;
  try {
    return operation(left, right, FOLDING);
  } catch (error) {
    if (error instanceof JqError) return undefined;
    throw error;
  }
}

function binaryOne(operation: Operation, left: Code, right: Code): One {
  const a = left.one();
  const { constant } = right;
  if (constant !== undefined) return (input, env) => operation(a(input, env), constant, env.run);
  const b = right.one();
  return (input, env) => {
    const second = b(input, env);
    return operation(a(input, env), second, env.run);
  };
}

function binaryMany(operation: Operation, left: Code, right: Code): Many {
  const a = left.many();
  const b = right.many();
  return (input, env, emit) =>
    b(input, env, (second) =>
      a(input, env, (first) => {
        burn(env.run, 1);
        return emit(operation(first, second, env.run));
      }),
    );
}

/** `. + …` of a `reduce`: an array or object that only the `reduce` holds is added to in place. */
function appending(right: Code): Accumulate {
  const one = right.one();
  return (input, env, owned) => {
    const addition = one(input, env);
    // What was added may hold the input itself.
    if (right.usesInput && !isScalar(addition)) owned.clear();
    if (isScalar(input) || isScalar(addition) || isArray(input) !== isArray(addition)) {
      return OPERATIONS["+"](input, addition, env.run);
    }
    if (isArray(input) && isArray(addition)) {
      const items = draftOf(input, env.run, owned);
      burn(env.run, addition.length);
      allocate(env.run, addition.length * 8);
      for (const item of addition) items.push(item);
      return items;
    }
    const draft = owned.has(input as object) ? (input as Draft) : copyOfObject(input as Draft, env.run, owned);
    for (const [key, value] of Object.entries(addition as Draft)) {
      burn(env.run, 1);
      allocate(env.run, 16);
      setOwn(draft, key, value);
    }
    return draft;
  };
}

/** `and` (`until` false) and `or` (`until` true): the right side is asked only where the left does not decide. */
export function logicalCode(left: Code, right: Code, until: boolean): Code {
  return new Code({
    weight: left.weight + right.weight,
    height: Math.max(left.height, right.height) + 1,
    single: () => left.single() && right.single(),
    one: () => {
      const a = left.one();
      const b = right.one();
      return (input, env) => (isTruthy(a(input, env)) === until ? until : isTruthy(b(input, env)));
    },
    many: () => {
      const a = left.many();
      const b = right.many();
      return (input, env, emit) =>
        a(input, env, (first) => {
          burn(env.run, 1);
          return isTruthy(first) === until ? emit(until) : b(input, env, (second) => emit(isTruthy(second)));
        });
    },
    paths: () => {
      const a = left.paths();
      const b = right.paths();
      return (input, path, env, emit) =>
        a(input, path, env, (first, at) =>
          isTruthy(first) === until
            ? emit(until, at)
            : b(input, at, env, (second, further) => emit(isTruthy(second), further)),
        );
    },
    usesInput: left.usesInput || right.usesInput,
  });
}

/** `-operand` */
export function negateCode(operand: Code): Code {
  if (typeof operand.constant === "number") return constantCode(-operand.constant);
  return appliedCode([operand], (_input, [value]) => negative(value ?? null), false);
}

function negative(value: Json): number {
  if (typeof value === "number") return -value;
  throw new JqError(`${typeOf(value)} (${shortText(value)}) cannot be negated`);
}
