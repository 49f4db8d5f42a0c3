import type { RetryPolicy } from "../dsl/workflow.ts";

/** The bounds of a jitter, in milliseconds. */
export interface JitterMs {
  readonly from: number;
  readonly to: number;
}

/**
 * Delay before a run of a try, in milliseconds: `constant` base, `linear` base * n, `exponential` base * 2^(n-1), where n counts
 * the retries from 1, plus a jitter between its two bounds.
 *
 * @param attempt the run about to start, from 2.
 * @param chance where between the bounds of the jitter, 0 to 1 (exclusive).
 * @see DSL reference, "Retry", "Backoff" and "Jitter"
 */
export function retryDelayMs(
  backoff: RetryPolicy["backoff"],
  attempt: number,
  baseMs: number,
  jitter: JitterMs | null,
  chance: number,
): number {
  const retry = attempt - 1;
  const factor = backoff === "constant" ? 1 : backoff === "linear" ? retry : 2 ** (retry - 1);
  // Without a delay there is nothing to multiply, however large the factor has grown.
  const delay = baseMs === 0 ? 0 : Math.min(baseMs * factor, MAX_DELAY_MS);
  return delay + (jitter === null ? 0 : Math.floor(jitter.from + chance * Math.max(0, jitter.to - jitter.from)));
}

/** Beyond this a moment is no longer a date; nobody waits that long. */
const MAX_DELAY_MS = 100 * 365 * 24 * 3_600_000;
