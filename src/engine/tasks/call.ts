import { memberOf } from "../../dsl/tasks/call-http.ts";
import { renderCall, resourceAuthenticationOf } from "../../dsl/tasks/render-call.ts";
import { readsOf, renderTemplate } from "../../dsl/template.ts";
import type { CallFunctionTask, CallOutsideTask, CallTask } from "../../dsl/workflow.ts";
import type { EvaluationTime, ExpressionArguments } from "../../expressions/index.ts";
import type { Turn } from "../advance.ts";
import type { Draft } from "../draft.ts";
import type { ActivityRequest } from "../events.ts";
import { fault } from "../fault.ts";
import { begin, definitionScope, finish } from "../flow.ts";
import { recordable } from "../limits.ts";
import type { Situation } from "../scope.ts";
import type { ExecutionState, Frame } from "../state.ts";
import { ask, deferred } from "./ask.ts";
import { consumesOf, nextInConsumed } from "./consume.ts";
import { type Next, upwards } from "./list.ts";

/**
 * Own queue of what waits for messages, perhaps for ever: in the common one it would keep a place from the tasks that work on them, until
 * there was none.
 */
export const SUBSCRIPTION_QUEUE = "subscriptions";

export function enterCall(turn: Turn<CallTask>): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  const args = definitionScope(state, situation, frame, task);
  if (task.call === "function") return enterFunction({ ...turn, task }, args);
  const { consumes, ended } = consumesOf(turn);
  if (ended !== undefined) return ended;
  const activity: ActivityRequest = {
    kind: task.call,
    ...(task.call === "code" ? functionOf(task.function, situation.functionQueues) : {}),
    ...(task.call === "grpc" ? deadlineOf(state, frame) : {}),
    ...(task.call === "asyncapi" && memberOf(task.with, "subscription") !== undefined
      ? { queue: SUBSCRIPTION_QUEUE }
      : {}),
    ...recordable(argumentsOf({ ...turn, task }, args, situation), "the input", situation),
  };
  return ask(turn, activity, consumes);
}

function functionOf(name: string, queues: Situation["functionQueues"]): Pick<ActivityRequest, "function" | "queue"> {
  const queue = Object.hasOwn(queues, name) ? queues[name] : undefined;
  return { function: name, ...(queue === undefined ? {} : { queue }) };
}

/** A gRPC server is told until when its answer is of use. */
function deadlineOf(state: ExecutionState, frame: Frame): Pick<ActivityRequest, "deadline"> {
  const around = [frame.id];
  for (let each: Frame | undefined = frame; each !== undefined && each.parent !== 0; each = state.frames[each.parent]) {
    around.push(each.parent);
  }
  const moments = Object.values(state.timers)
    .filter((timer) => around.includes(timer.frame) && (timer.purpose === "timeout" || timer.purpose === "attempt"))
    .map(({ fireAt }) => fireAt);
  return moments.length === 0 ? {} : { deadline: Math.min(...moments) };
}

/**
 * Evaluated arguments. What reads `$secrets` or `$authorization`, and every authentication, is left to the executor, so that the
 * history never holds one.
 */
function argumentsOf(
  turn: Turn<CallOutsideTask>,
  args: ExpressionArguments,
  time: EvaluationTime,
): Pick<ActivityRequest, "with" | "deferred"> {
  const { task } = turn;
  const reads = [
    ...(task.isLate && task.with !== null ? readsOf(task.with) : []),
    ...(task.authentication?.reads ?? []),
    ...(resourceAuthenticationOf(task)?.reads ?? []),
  ];
  const isProven = task.authentication !== null || resourceAuthenticationOf(task) !== null;
  return {
    ...(task.isLate ? {} : { with: renderCall(task, turn.frame.input, args, time) }),
    ...(task.isLate || isProven ? deferred(turn, args, reads) : {}),
  };
}

/** The body of a function of `use.functions` runs as the only child, with the arguments as its raw input. */
function enterFunction(turn: Turn<CallFunctionTask>, args: ExpressionArguments): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  if (task.body === null) throw new Error(`the document of function ${task.function} is not at hand`);
  if (typeof task.body === "string") throw fault("configuration", task.body);
  const input = task.with === null ? frame.input : renderTemplate(task.with, frame.input, args, situation);
  return begin(state, situation, frame, task.body, 0, null, input);
}

/** The body of a function has ended, or a task for a message. */
export function nextInCall(turn: Turn<CallTask>, step: Next): readonly Draft[] {
  if (turn.task.call !== "function") return nextInConsumed(turn, step);
  const { state, situation, frame, task } = turn;
  return finish(state, situation, frame, task, step.output, upwards(step));
}
