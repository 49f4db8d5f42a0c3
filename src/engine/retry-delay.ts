import type { RetryPolicy } from "../dsl/workflow.ts";
import { addDuration } from "../values/durations.ts";

/**
 * Delay before a run of a try, in milliseconds: `constant` base, `linear` base * n, `exponential` base * 2^(n-1), where n counts
 * the retries from 1, plus a jitter between its two bounds.
 *
 * @param attempt the run about to start, from 2.
 * @param chance where between the bounds of the jitter, 0 to 1 (exclusive).
 * @see DSL reference, "Retry", "Backoff" and "Jitter"
 */
export function retryDelayMs(
  policy: Pick<RetryPolicy, "backoff" | "jitter">,
  attempt: number,
  baseMs: number,
  now: number,
  chance: number,
): number {
  const retry = attempt - 1;
  const factor = policy.backoff === "constant" ? 1 : policy.backoff === "linear" ? retry : 2 ** (retry - 1);
  // Without a delay there is nothing to multiply, however large the factor has grown.
  const delay = baseMs === 0 ? 0 : Math.min(baseMs * factor, MAX_DELAY_MS);
  return delay + jitterMs(policy.jitter, now, chance);
}

/** Beyond this a moment is no longer a date; nobody waits that long. */
const MAX_DELAY_MS = 100 * 365 * 24 * 3_600_000;

function jitterMs(jitter: RetryPolicy["jitter"], now: number, chance: number): number {
  if (jitter === null) return 0;
  const from = addDuration(now, jitter.from) - now;
  const to = addDuration(now, jitter.to) - now;
  return Math.floor(from + chance * Math.max(0, to - from));
}
