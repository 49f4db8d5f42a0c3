import { renderHttpArguments } from "../../dsl/tasks/call-http.ts";
import { readsOf, renderTemplate } from "../../dsl/template.ts";
import type { CallCodeTask, CallFunctionTask, CallHttpTask, CallTask, Template } from "../../dsl/workflow.ts";
import type { EvaluationTime, ExpressionArguments } from "../../expressions/index.ts";
import { hashOf } from "../../values/ids.ts";
import type { Json, JsonObject } from "../../values/json.ts";
import type { Turn } from "../advance.ts";
import { type Draft, decided } from "../draft.ts";
import type { ActivityRequest } from "../events.ts";
import { begin, definitionScope, finish } from "../flow.ts";
import type { Situation } from "../scope.ts";
import { type Next, upwards } from "./list.ts";

export function enterCall(turn: Turn<CallTask>): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  const args = definitionScope(state, situation, frame, task);
  if (task.call === "function") return enterFunction({ ...turn, task }, args);
  const activity: ActivityRequest = {
    kind: task.call,
    ...(task.call === "code" ? functionOf(task.function, situation.functionQueues) : {}),
    ...argumentsOf(task, frame.input, args, situation),
  };
  const data = {
    task: task.reference,
    frame: frame.id,
    activity,
    idempotencyKey: hashOf(state.executionId, frame.path).slice(0, 32),
    attempt: frame.requests + 1,
  };
  return [decided("task.requested", data)];
}

function functionOf(name: string, queues: Situation["functionQueues"]): Pick<ActivityRequest, "function" | "queue"> {
  const queue = Object.hasOwn(queues, name) ? queues[name] : undefined;
  return { function: name, ...(queue === undefined ? {} : { queue }) };
}

/** Evaluated arguments; what reads `$secrets` is left to the executor, so that the history never holds one. */
function argumentsOf(
  task: CallHttpTask | CallCodeTask,
  input: Json,
  args: ExpressionArguments,
  time: EvaluationTime,
): Pick<ActivityRequest, "with" | "deferred"> {
  if (task.readsSecrets) return { deferred: { key: task.key, input, args: readVariables(task.with, args) } };
  if (task.call === "http") return { with: renderHttpArguments(task, input, args, time) };
  return { with: task.with === null ? input : renderTemplate(task.with, input, args, time) };
}

/** Only the variables a template reads, so that an event does not carry the rest. */
function readVariables(template: Template | null, args: ExpressionArguments): JsonObject {
  const reads = template === null ? [] : readsOf(template);
  return Object.fromEntries(Object.entries(args).filter(([name]) => reads.includes(name) && name !== "secrets"));
}

/** The body of a function of `use.functions` runs as the only child, with the arguments as its raw input. */
function enterFunction(turn: Turn<CallFunctionTask>, args: ExpressionArguments): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  const input = task.with === null ? frame.input : renderTemplate(task.with, frame.input, args, situation);
  return begin(state, situation, frame, task.body, 0, null, input);
}

export function nextInFunction(turn: Turn<CallTask>, step: Next): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  return finish(state, situation, frame, task, step.output, upwards(step));
}
