import type { ExecutionCancelled, HistoryEvent } from "../engine/events.ts";
import { ConflictError, NotFoundError, VersionConflictError } from "../errors.ts";
import type { Description, EventStore, ExecutionHead } from "../ports/event-store.ts";
import type { ExecutionId } from "../values/ids.ts";
import { isClosed } from "../values/status.ts";
import { nextTip } from "../values/tip.ts";

/** A workflow that commits without pause is met between two of its commits well before this. */
const TRIES = 50;

export interface Terminated {
  readonly head: ExecutionHead;
  /** As it was before: what it owed is owed no more. */
  readonly before: Description;
}

/**
 * Ends an execution without running the engine, so that it works on a history that cannot be folded.
 *
 * @param isRepeat the same request may have terminated it before: that it is terminated is what was asked for.
 * @throws {NotFoundError} for an unknown one.
 * @throws {ConflictError} when it has ended.
 * @throws {VersionConflictError} when others committed first, every time.
 */
export async function terminateExecution(
  events: Pick<EventStore, "describe" | "commit">,
  executionId: ExecutionId,
  reason: string | undefined,
  isRepeat = false,
): Promise<Terminated> {
  for (let tries = 1; ; tries++) {
    const before = await events.describe(executionId);
    if (!before) throw new NotFoundError("execution", executionId);
    if (isRepeat && isTerminated(before.last)) return { head: before.head, before };
    if (isClosed(before.head.status)) throw endedError(before.head);
    const event: ExecutionCancelled = {
      type: "execution.cancelled",
      sequence: before.head.version + 1,
      at: before.now,
      source: "api-service",
      data: { ...(reason === undefined ? {} : { reason }), terminated: true },
    };
    try {
      const committed = await events.commit(executionId, {
        expected: before.head,
        taken: 0,
        events: [event],
        tip: nextTip(before.head.tip, event),
        owed: { add: [], remove: before.owed.map((entry) => entry.name) },
        status: "CANCELLED",
      });
      if (committed.result === "committed") return { head: committed.head, before };
    } catch (error) {
      if (!(error instanceof VersionConflictError) || tries >= TRIES) throw error;
    }
  }
}

function isTerminated(event: HistoryEvent): boolean {
  return event.type === "execution.cancelled" && event.data.terminated === true;
}

export function endedError(head: ExecutionHead): ConflictError {
  return new ConflictError("DURABULL_EXECUTION_ENDED", `execution ${head.executionId} has ended: it is ${head.status}`);
}
