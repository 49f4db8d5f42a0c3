import { fixedDurationMs } from "../values/durations.ts";
import { type Json, type JsonObject, ownProperty } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";
import { kindOf, namedEntry, objectOf } from "./fields.ts";
import { durationAt, optionalProgramAt } from "./programs.ts";
import type { Scope } from "./scope.ts";
import type { DurationSource, RetryPolicy } from "./workflow.ts";

const POLICY = { what: "a retry policy", allowed: ["when", "exceptWhen", "delay", "backoff", "limit", "jitter"] };
const BACKOFFS = ["constant", "linear", "exponential"] as const;

/** `catch.retry`, inline or by the name of one in `use.retries`. */
export function retryAt(value: Json | undefined, pointer: string, scope: Scope): RetryPolicy | null {
  if (value === undefined) return null;
  if (typeof value !== "string") return policyAt(value, pointer, scope);
  const entry = namedEntry(scope.use, "retries", value, pointer, scope.report);
  return entry === undefined ? null : policyAt(entry, pointerOf("/use/retries", value), scope);
}

export function policyAt(value: Json, pointer: string, scope: Scope): RetryPolicy {
  const policy = objectOf(value, pointer, POLICY, scope.report);
  const limitAt = `${pointer}/limit`;
  const limit = optionalObject(policy.limit, limitAt, "`limit`", ["attempt", "duration"], scope);
  const attempt = optionalObject(limit.attempt, `${limitAt}/attempt`, "`limit.attempt`", ["count", "duration"], scope);
  const duration = (member: Json | undefined, at: string) =>
    member === undefined ? null : durationAt(member, at, "taskDefinition", scope);
  return {
    when: optionalProgramAt(policy.when, `${pointer}/when`, "taskDefinition", scope),
    exceptWhen: optionalProgramAt(policy.exceptWhen, `${pointer}/exceptWhen`, "taskDefinition", scope),
    delay: policy.delay === undefined ? null : durationAt(policy.delay, `${pointer}/delay`, "taskDefinition", scope),
    backoff: backoffAt(policy.backoff, `${pointer}/backoff`, scope),
    jitter: jitterAt(policy.jitter, `${pointer}/jitter`, scope),
    maxRetries: countAt(attempt.count, `${limitAt}/attempt/count`, scope),
    maxAttemptDuration: duration(attempt.duration, `${limitAt}/attempt/duration`),
    maxDuration: duration(limit.duration, `${limitAt}/duration`),
  };
}

function backoffAt(value: Json | undefined, pointer: string, scope: Scope): RetryPolicy["backoff"] {
  const backoff = optionalObject(value, pointer, "`backoff`", BACKOFFS, scope);
  const given = BACKOFFS.filter((name) => Object.hasOwn(backoff, name));
  if (value !== undefined && given.length !== 1) {
    scope.report.issue(pointer, `\`backoff\` is one of ${BACKOFFS.map((name) => `"${name}: {}"`).join(", ")}`);
  }
  for (const name of given) {
    objectOf(
      ownProperty(backoff, name) ?? null,
      `${pointer}/${name}`,
      { what: `\`${name}\``, allowed: [] },
      scope.report,
    );
  }
  return given[0] ?? "constant";
}

function jitterAt(value: Json | undefined, pointer: string, scope: Scope): RetryPolicy["jitter"] {
  if (value === undefined) return null;
  const shape = { what: "`jitter`", allowed: ["from", "to"], required: ["from", "to"] };
  const jitter = objectOf(value, pointer, shape, scope.report);
  if (jitter.from === undefined || jitter.to === undefined) return null;
  const from = durationAt(jitter.from, `${pointer}/from`, "taskDefinition", scope);
  const to = durationAt(jitter.to, `${pointer}/to`, "taskDefinition", scope);
  if ((knownMs(from) ?? 0) > (knownMs(to) ?? Number.POSITIVE_INFINITY)) {
    scope.report.issue(pointer, "`jitter.from` is longer than `jitter.to`");
  }
  return { from, to };
}

/** Undefined when it depends on the calendar or on an expression. */
function knownMs(source: DurationSource): number | undefined {
  return source.kind === "fixed" ? fixedDurationMs(source.duration) : undefined;
}

function countAt(value: Json | undefined, pointer: string, { report }: Scope): number | null {
  if (value === undefined) return null;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  report.issue(pointer, `\`count\` must be a whole number of retries, 0 or more, not ${kindOf(value)}`);
  return null;
}

function optionalObject(
  value: Json | undefined,
  pointer: string,
  what: string,
  allowed: readonly string[],
  { report }: Scope,
): JsonObject {
  return value === undefined ? {} : objectOf(value, pointer, { what, allowed }, report);
}
