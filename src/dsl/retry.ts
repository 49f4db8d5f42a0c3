import { fixedDurationMs } from "../values/durations.ts";
import { type Json, type JsonObject, ownProperty } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";
import { kindOf, namedEntry, objectOf } from "./fields.ts";
import { durationAt, fixedDurationAt, optionalProgramAt } from "./programs.ts";
import type { Scope } from "./scope.ts";
import type { RetryPolicy } from "./workflow.ts";

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
  const { report } = scope;
  const policy = objectOf(value, pointer, POLICY, report);
  const limitAt = `${pointer}/limit`;
  const limit = optionalObject(policy.limit, limitAt, "`limit`", ["attempt", "duration"], scope);
  const attempt = optionalObject(limit.attempt, `${limitAt}/attempt`, "`limit.attempt`", ["count", "duration"], scope);
  const duration = (member: Json | undefined, at: string) =>
    member === undefined ? null : fixedDurationAt(member, at, report);
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

function jitterAt(value: Json | undefined, pointer: string, { report }: Scope): RetryPolicy["jitter"] {
  if (value === undefined) return null;
  const shape = { what: "`jitter`", allowed: ["from", "to"], required: ["from", "to"] };
  const jitter = objectOf(value, pointer, shape, report);
  if (jitter.from === undefined || jitter.to === undefined) return null;
  const from = fixedDurationAt(jitter.from, `${pointer}/from`, report);
  const to = fixedDurationAt(jitter.to, `${pointer}/to`, report);
  if ((fixedDurationMs(from) ?? 0) > (fixedDurationMs(to) ?? Number.POSITIVE_INFINITY)) {
    report.issue(pointer, "`jitter.from` is longer than `jitter.to`");
  }
  return { from, to };
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
