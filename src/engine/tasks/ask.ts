import type { Task } from "../../dsl/workflow.ts";
import type { ExpressionArguments } from "../../expressions/index.ts";
import { hashOf } from "../../values/ids.ts";
import type { JsonObject } from "../../values/json.ts";
import type { Turn } from "../advance.ts";
import { type Draft, decided } from "../draft.ts";
import type { ActivityRequest, Consumes } from "../events.ts";

/** The world is asked to do what a task wants; every repeat of one logical request has the same idempotency key. */
export function ask(
  { state, frame, task }: Turn<Task>,
  activity: ActivityRequest,
  consumes?: Consumes,
): readonly Draft[] {
  const data = {
    task: task.reference,
    frame: frame.id,
    activity,
    idempotencyKey: hashOf(state.executionId, frame.path).slice(0, 32),
    attempt: frame.requests + 1,
    ...(consumes === undefined ? {} : { consumes }),
  };
  return [decided("task.requested", data)];
}

/** For expressions that read `$secrets` or `$authorization`: an executor evaluates them, with these variables and no others. */
export function deferred(
  { frame, task }: Turn<Task>,
  args: ExpressionArguments,
  reads: readonly string[],
): Required<Pick<ActivityRequest, "deferred">> {
  const entries = Object.entries(args).filter(
    ([name]) => reads.includes(name) && name !== "secrets" && name !== "authorization",
  );
  return { deferred: { key: task.key, input: frame.input, args: Object.fromEntries(entries) as JsonObject } };
}
