import type { DurationSource } from "../dsl/workflow.ts";
import type { EvaluationTime, ExpressionArguments } from "../expressions/index.ts";
import { addDuration, parseDuration } from "../values/durations.ts";
import type { Json } from "../values/json.ts";
import { fault } from "./fault.ts";

/**
 * When a duration that starts at `from` is over, epoch milliseconds.
 * @throws {TaskFault} expression 400 when its expression gives no duration.
 */
export function durationEnd(
  source: DurationSource,
  from: number,
  input: Json,
  args: ExpressionArguments,
  time: EvaluationTime,
): number {
  if (source.kind === "fixed") return addDuration(from, source.duration);
  const value = source.program.first(input, args, time) ?? null;
  const duration = parseDuration(value);
  if (duration === undefined) {
    throw fault("expression", `\${ ${source.program.source} } gives ${JSON.stringify(value)}, not a duration`);
  }
  return addDuration(from, duration);
}
