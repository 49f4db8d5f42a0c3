import type { Json } from "../../../values/json.ts";
import type { Budget } from "../budget.ts";
import { JqBudgetError } from "../errors.ts";
import { takeShown } from "../library/json-text.ts";
import type { NativeCall } from "../native.ts";
import type { Code } from "./code.ts";

/** What a stream tells its source after an output: go on, stop (a `break` or enough outputs), or call the function kept in the run. */
export type Flow = 0 | 1 | 2;
export const GO_ON = 0;
export const STOP = 1;
export const TAIL = 2;

/**
 * How deep calls may nest, in nodes of the syntax tree that are being evaluated. A node takes up to some hundred bytes of native stack,
 * of which a main thread has about 984 kB.
 */
export const MAX_DEPTH = 4_000;

/** One evaluation: its budgets, its variables, and what is under way in it. Also what natives are handed. */
export class Run implements Budget, NativeCall {
  readonly budget: Budget = this;
  joined: Uint32Array | undefined = undefined;
  depth = 0;
  /** The label a `break` is on its way to. */
  breaking: Env | null = null;
  /** How many labels were entered: jq numbers them. */
  labels = 0;
  /** The call that a function ended with, for the loop that called the function. */
  tailTarget: TailTarget | null = null;
  tailInput: Json = null;
  tailEnv: Env | null = null;

  /** @param now epoch milliseconds; NaN when no time was given. */
  constructor(
    public fuel: number,
    public bytes: number,
    readonly now: number,
    readonly globals: readonly Json[],
  ) {}
}

/** What the loop that called a function needs of the next one. */
export interface TailTarget {
  readonly weight: number;
  readonly height: number;
  readonly body: Code;
}

/** One variable, parameter or label, and those around it. Never changed, so that whatever holds one may come back to it. */
export class Env {
  constructor(
    readonly run: Run,
    readonly next: Env | null,
    readonly value: Json,
    readonly closure: Closure | null,
  ) {}
}

/** A program handed to a function, and the variables it sees. */
export class Closure {
  constructor(
    readonly code: Code,
    readonly env: Env,
  ) {}
}

/** Thrown where a `break` leaves something that gives exactly one output. `Run.breaking` says whereto. */
export const BREAK = Symbol("break");

/** Takes steps. */
export function burn(run: Run, steps: number): void {
  run.fuel -= steps;
  if (run.fuel < 0) throw new JqBudgetError("fuel");
}

/** Steps for an error that is caught: JavaScript unwinds its stack. */
const ERROR_STEPS = 60;

/** Takes the steps for an error that is caught, and for the words in it. */
export function payForError(run: Run): void {
  burn(run, ERROR_STEPS + takeShown());
}

/** Takes bytes of new data. */
export function allocate(run: Run, bytes: number): void {
  run.bytes -= bytes;
  if (run.bytes < 0) throw new JqBudgetError("output");
}

/** Goes deeper by as many nodes. The caller comes back by subtracting them, but need not when it throws. */
export function descend(run: Run, height: number): void {
  run.depth += height;
  if (run.depth > MAX_DEPTH) throw new JqBudgetError("depth");
}

/** Does what comes before a `break` that is on its way; where that stops by itself, its own `break` is the one. */
export function beforeBreak(run: Run, act: () => Flow): Flow {
  const { breaking } = run;
  run.breaking = null;
  const flow = act();
  if (flow !== STOP) run.breaking = breaking;
  return flow;
}

/** The variables `hops` further out. */
export function outer(env: Env, hops: number): Env {
  let at = env;
  for (let i = 0; i < hops; i++) at = at.next as Env;
  return at;
}

/** Steps of going so many variables out. */
export function hopSteps(hops: number): number {
  return hops >>> 3;
}

/** Where a value was found, as a list from the last step to the first. */
export class Path {
  /**
   * @param value what is there.
   * @param under the path itself, when the value at hand is a literal: that is from nowhere, even if it equals what is there.
   */
  constructor(
    readonly parent: Path | null,
    readonly key: Json,
    readonly value: Json,
    readonly under: Path | null = null,
  ) {}
}

/** The steps of a path, first to last. */
export function stepsOf(path: Path): Json[] {
  const steps: Json[] = [];
  for (let at = path; at.parent !== null; at = at.parent) steps.push(at.key);
  return steps.reverse();
}

/** jq's test that a value still is the one at its path: the same one, not only an equal one. */
export function isIntact(value: Json, path: Path): boolean {
  return path.under === null && Object.is(value, path.value);
}

/** `false` and `null` are the only values that are not true. */
export function isTruthy(value: Json): boolean {
  return value !== false && value !== null;
}
