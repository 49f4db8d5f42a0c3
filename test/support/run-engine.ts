import { isDeepStrictEqual } from "node:util";
import { compileWorkflow, readDefinition } from "../../src/dsl/index.ts";
import type { Workflow } from "../../src/dsl/workflow.ts";
import type { ActivityRequest, HistoryEvent } from "../../src/engine/events.ts";
import type { EventMessage } from "../../src/engine/facts.ts";
import {
  decide,
  type ExecutionState,
  evolve,
  type Fact,
  fold,
  type Limits,
  owed,
  type Situation,
  statusOf,
} from "../../src/engine/index.ts";
import type { Outcome } from "../../src/ports/executor.ts";
import type { Json } from "../../src/values/json.ts";
import type { ExecutionStatus } from "../../src/values/status.ts";

export const STARTED_AT = Date.UTC(2030, 0, 1);

/** The world of a test: what comes of an activity. */
export type World = (
  activity: ActivityRequest,
  event: Extract<HistoryEvent, { type: "task.requested" }>,
) => Outcome | "never";

export interface Run {
  readonly events: readonly HistoryEvent[];
  readonly state: ExecutionState;
  readonly status: ExecutionStatus;
  readonly output: Json | undefined;
  readonly error:
    | { readonly type: string; readonly status: number; readonly detail?: string; readonly instance?: string }
    | undefined;
  /** Virtual time that passed, milliseconds. */
  readonly elapsedMs: number;
  readonly types: readonly string[];
}

/** A workflow document around a task list written in YAML. */
export function workflowOf(tasks: string, top = ""): Workflow {
  const indented = tasks.replaceAll(/^/gm, "  ");
  const text = `document: {dsl: 1.0.3, namespace: test, name: test, version: 1.0.0}\n${top}\ndo:\n${indented}\n`;
  return compileWorkflow(readDefinition(text).document);
}

/** A history's first event. */
export function startOf(workflow: Workflow, input: Json, defaultTimeoutMs = 0): HistoryEvent {
  return {
    type: "execution.started",
    sequence: 1,
    at: STARTED_AT,
    source: "api-service",
    data: {
      executionId: "x0-00000000000000000000000000",
      tenant: "default",
      workflowId: "test-1",
      definition: {
        namespace: workflow.namespace,
        name: workflow.name,
        version: workflow.version,
        digest: workflow.digest,
      },
      input,
      defaultTimeoutMs,
    },
  };
}

export const OUTPUT_NOTHING: World = () => ({ ok: true, output: null });

/** Runs one execution with the engine alone: activities are answered by `world`, time jumps from timer to timer. */
export class EngineRun {
  readonly events: HistoryEvent[];
  state: ExecutionState;
  now = STARTED_AT;
  /** Events delivered so far. */
  heard = 0;

  constructor(
    readonly workflow: Workflow,
    input: Json = {},
    private readonly world: World = OUTPUT_NOTHING,
    private readonly budget = 1_000,
    public limits?: Limits,
  ) {
    const first = startOf(workflow, input);
    this.events = [first];
    this.state = evolve(null, first);
  }

  get situation(): Situation {
    return {
      now: this.now,
      workflow: this.workflow,
      runtime: { name: "durabull", version: "test" },
      functionQueues: {},
      childDepth: 10,
      ...(this.limits === undefined ? {} : { limits: this.limits }),
    };
  }

  /** Decides until nothing can move, checking what must hold of every decision. */
  decide(facts: readonly Fact[] = []): this {
    const decision = decide(this.state, facts, this.situation, { events: this.budget });
    const again = decide(this.state, facts, this.situation, { events: this.budget });
    if (!isDeepStrictEqual(decision.events, again.events)) throw new Error("deciding twice gave different events");
    let replayed = this.state;
    for (const event of decision.events) replayed = evolve(replayed, JSON.parse(JSON.stringify(event)) as HistoryEvent);
    if (!isDeepStrictEqual(replayed, decision.state)) throw new Error("the fold of the decision is not its state");
    this.events.push(...decision.events);
    this.state = decision.state;
    if (decision.more) return this.decide(facts.slice(decision.taken));
    if (statusOf(this.state) === "RUNNING" && owed(this.state).length === 0) {
      throw new Error(`at version ${this.state.version} it is open and at rest, and nothing is owed`);
    }
    return this;
  }

  /** Answers an activity. */
  answer(asked: number, outcome: Outcome): this {
    return this.decide([{ kind: "answer", id: `a${asked}`, source: "executor-service", at: this.now, asked, outcome }]);
  }

  /** A child execution ends, or starts when nobody waits for its end. */
  childSays(asked: number, outcome: Outcome, source: Fact["source"] = "workflow-engine"): this {
    return this.decide([{ kind: "answer", id: `c${asked}`, source, at: this.now, asked, outcome }]);
  }

  /** An event is delivered to the latest subscription, or to the one named. */
  hear(event: { readonly type: string; readonly [member: string]: Json }, more: Partial<EventMessage> = {}): this {
    const subscription = Number(Object.keys(this.state.subscriptions).at(-1) ?? 0);
    this.heard += 1;
    const message: EventMessage = {
      type: "event",
      subscription,
      position: this.heard,
      publishedAt: this.now,
      event: { specversion: "1.0", id: `e${this.heard}`, source: "/test", ...event },
      ...more,
    };
    return this.decide([{ kind: "message", id: `e${this.heard}`, source: "api-service", at: this.now, message }]);
  }

  /** The latest activity that was asked for messages gives one. */
  give(value: Json): this {
    const asked = this.source;
    const id = `m${this.state.version}`;
    const message = { type: "consumed", asked, value } as const;
    return this.decide([{ kind: "message", id, source: "executor-service", at: this.now, message }]);
  }

  /** The latest activity that was asked for messages. */
  get source(): number {
    return this.events.findLast((each) => each.type === "task.requested" && each.data.consumes)?.sequence ?? 0;
  }

  say(type: "cancel" | "pause" | "resume"): this {
    return this.decide([
      { kind: "message", id: `${type}${this.now}`, source: "api-service", at: this.now, message: { type } },
    ]);
  }

  retry(): this {
    const message = { type: "retry", letter: "l1" } as const;
    return this.decide([
      { kind: "message", id: `r${this.state.version}`, source: "api-service", at: this.now, message },
    ]);
  }

  /** Lets the world answer and time pass until nothing is owed that will be answered. */
  toTheEnd(limit = 10_000): this {
    this.decide();
    for (let i = 0; i < limit; i++) {
      const work = owed(this.state);
      const activity = work.find((each) => each.kind === "activity" && this.#outcomeOf(each.name) !== "never");
      if (activity !== undefined) {
        this.answer(activity.name, this.#outcomeOf(activity.name) as Outcome);
        continue;
      }
      const next = work.flatMap((each) => (each.kind === "timer" ? [each.fireAt] : [])).sort((a, b) => a - b)[0];
      if (next === undefined) return this;
      this.now = Math.max(this.now, next);
      this.decide();
    }
    throw new Error(`not at rest after ${limit} rounds`);
  }

  /** The world is asked once for each activity it answers. */
  #outcomeOf(name: number): Outcome | "never" {
    const known = this.#outcomes.get(name);
    if (known !== undefined) return known;
    const outcome = this.#ask(name);
    if (outcome !== "never") this.#outcomes.set(name, outcome);
    return outcome;
  }

  readonly #outcomes = new Map<number, Outcome>();

  #ask(name: number): Outcome | "never" {
    const event = this.events[name - 1];
    if (event?.type !== "task.requested") throw new Error(`event ${name} asks for no activity`);
    return this.world(event.data.activity, event);
  }

  /** Every prefix of the history folds to the state it had; the whole to the live one. */
  checkPrefixes(): this {
    let state: ExecutionState | null = null;
    for (const event of this.events) {
      state = evolve(state, event);
      if (!isDeepStrictEqual(fold(this.events.slice(0, event.sequence)), state))
        throw new Error(`prefix ${event.sequence}`);
    }
    if (!isDeepStrictEqual(state, this.state)) throw new Error("the fold of the history is not the live state");
    return this;
  }

  get result(): Run {
    const last = this.events.at(-1);
    return {
      events: this.events,
      state: this.state,
      status: statusOf(this.state),
      output: last?.type === "workflow.completed" ? last.data.output : undefined,
      error: last?.type === "workflow.failed" ? last.data.error : undefined,
      elapsedMs: this.now - STARTED_AT,
      types: this.events.map(({ type }) => type),
    };
  }
}

/** Runs a task list to its end. */
export function run(tasks: string, input: Json = {}, world?: World, top?: string): Run {
  return new EngineRun(workflowOf(tasks, top), input, world).toTheEnd().result;
}
