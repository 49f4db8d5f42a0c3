import type { Decision, ExecutionState } from "../engine/index.ts";
import type { ExecutionHead } from "../ports/event-store.ts";
import { isClosed } from "../values/status.ts";
import { cancelAbandoned, tellParent } from "./children.ts";
import { parkExecution } from "./dead-letters.ts";
import type { LateSettles } from "./late-settles.ts";
import type { Loaded } from "./load.ts";
import type { Ports } from "./ports.ts";
import { stopListening } from "./subscriptions.ts";
import { tellLists } from "./tell.ts";

/** Work is in the queues whose answer may come any moment: what rests on timers alone is settled at once, and what has ended. */
function isLikelyToMove({ settings }: Ports, { status }: ExecutionHead, { events, state }: Decision): boolean {
  const moves = settings.settleAfterMs > 0 && status === "RUNNING" && events.length > 0;
  return moves && Object.keys(state.activities).length > 0;
}

/** Projects and settles. A projection that fails leaves the execution due, so that it is repeated. */
export async function settle(
  ports: Ports,
  late: LateSettles,
  head: ExecutionHead,
  loaded?: Loaded,
  decision?: Decision,
): Promise<boolean> {
  const closed = isClosed(head.status);
  // Nothing decided: an earlier wake-up was cut short, perhaps before its projection.
  const nothingNew = decision === undefined || decision.events.length === 0;
  // The store has opened what was redriven: to the lists it is still what it was.
  const redriven = decision?.events.some(({ type }) => type === "execution.retried") === true;
  const isToBeTold = nothingNew || redriven || loaded?.log.head.status !== head.status;
  if (isToBeTold && !(await tellLists(ports, head))) return true;
  if (closed) await stopListening(ports, head);
  const parent = closed ? await tellOthers(ports, head, decision?.state ?? loaded?.state) : null;
  // The failure of a child whose parent waits is the parent's to handle.
  if (head.status === "FAILED" && parent?.await !== true) await parkExecution(ports, head);
  if (closed) await ports.schedules.ended(head);
  if (closed && !nothingNew) ports.metrics.ended(head.status);
  await ports.failpoints.hit("before-settle");
  if (decision !== undefined && isLikelyToMove(ports, head, decision)) {
    late.put(head);
    return true;
  }
  late.forget(head.executionId);
  const settled = await ports.events.settle(head.executionId, head.version);
  await ports.failpoints.hit("after-settle");
  return settled;
}

/** At its end: its parent, and the children it waits for no more. Gives the parent. */
async function tellOthers(ports: Ports, head: ExecutionHead, state: ExecutionState | undefined) {
  // A history that cannot be folded still says who asked for it.
  const first = state === undefined ? (await ports.events.describe(head.executionId))?.first : undefined;
  const parent = state?.parent ?? (first?.type === "execution.started" ? first.data.parent : undefined) ?? null;
  if (state !== undefined) await cancelAbandoned(ports, head, state);
  if (parent !== null) await tellParent(ports, head, parent);
  return parent;
}
