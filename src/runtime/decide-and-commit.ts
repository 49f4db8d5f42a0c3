import type { LimitFunction } from "p-limit";
import type { Workflow } from "../dsl/workflow.ts";
import { type Decision, decide, statusOf } from "../engine/index.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { CommitResult, ExecutionHead } from "../ports/event-store.ts";
import type { Span, SpanOptions } from "../ports/tracing.ts";
import type { ExecutionId } from "../values/ids.ts";
import { isClosed } from "../values/status.ts";
import { nextTip } from "../values/tip.ts";
import { bringAbout } from "./bring-about.ts";
import { lookAtOf, owedChanges } from "./dispatch.ts";
import { handBackDoubtful } from "./doubtful-claims.ts";
import type { LateSettles } from "./late-settles.ts";
import { type Loaded, snapshotOf } from "./load.ts";
import { NOTHING_LOCAL, type Reservation } from "./local-activities.ts";
import type { Ports } from "./ports.ts";
import { settle } from "./settle.ts";
import { spanAttributes } from "./span-attributes.ts";
import type { StateCache } from "./state-cache.ts";
import { observeSteps } from "./step-latency.ts";
import { REST } from "./wakes-here.ts";

/** What follows one commit takes less than this, in milliseconds. */
const FOLLOWING_MS = 2;

/** What is shared by all wake-ups of a process. */
export interface Memory {
  readonly cache: StateCache;
  readonly late: LateSettles;
  /** What follows the commits of those who do not hurry, some at a time. */
  readonly unhurried: LimitFunction;
}

function wakeSpan({ log, state }: Loaded): SpanOptions {
  return { name: "wake", kind: "consumer", parent: state.trace, attributes: spanAttributes(log.head) };
}

export interface HowToCommit {
  /** A closing commit that would leave messages unread is refused. */
  readonly refuseUnread?: boolean;
  /** All that is to be decided is in no inbox: so many facts, and what has come due. Absent: it was read. */
  readonly carried?: number;
  /** What follows the commit waits its turn: many come due at once, and each of them is to be decided in time. */
  readonly unhurried?: boolean;
  /** Told as soon as it is committed. */
  readonly committed?: (() => void) | undefined;
}

/** Steps 5 to 7, and what follows them: "unread" when a closing commit was refused. @throws {VersionConflictError} */
export function decideAndCommit(
  ports: Ports,
  memory: Memory,
  loaded: Loaded,
  how: HowToCommit,
): Promise<"committed" | "unread"> {
  return ports.tracing.span(wakeSpan(loaded), (span) => decideInSpan(ports, memory, loaded, how, span));
}

async function decideInSpan(
  ports: Ports,
  memory: Memory,
  loaded: Loaded,
  how: HowToCommit,
  span: Span,
): Promise<"committed" | "unread"> {
  const { failpoints, metrics } = ports;
  const { executionId } = loaded.log.head;
  const begun = performance.now();
  const { decision, workflow } = await decideOn(ports, loaded);
  await failpoints.hit("before-commit");
  const committed = await commit(ports, executionId, loaded, decision, how, lookAfterMs(ports, memory, how));
  if (committed === "unread") return "unread";
  how.committed?.();
  const { head, local } = committed;
  try {
    await failpoints.hit("after-commit");
  } catch (error) {
    local.drop();
    throw error;
  }
  local.begin(head, span.context);
  observeSteps(metrics, decision.events, loaded.state, workflow);
  const goOn = () => follow(ports, memory, loaded, decision, committed, span, begun);
  if (how.unhurried === true) await memory.unhurried(() => ports.timersHere.calm().then(goOn));
  else await goOn();
  return "committed";
}

/** Steps 6 and 7. */
async function follow(
  ports: Ports,
  { cache, late }: Memory,
  loaded: Loaded,
  decision: Decision,
  { head, snapshot, local }: Committed,
  span: Span,
  begun: number,
): Promise<void> {
  const { failpoints, log } = ports;
  const { executionId } = head;
  await bringAbout(ports, head, loaded, decision, span.context, local.names);
  const { owed, readAt } = loaded.log;
  if (isClosed(head.status)) cache.drop(executionId);
  else cache.set({ state: decision.state, head, owed, readAt, snapshot, dispatched: head.version });
  await failpoints.hit("after-dispatch");
  span.set({ "durabull.decided": decision.events.length, "durabull.status": head.status });
  log.debug(
    {
      tenant: head.tenant,
      workflowId: head.workflowId,
      executionId,
      eventsRead: loaded.eventsRead,
      snapshot: loaded.log.snapshot !== null,
      facts: decision.taken,
      decided: decision.events.length,
      status: head.status,
      ms: Math.round((performance.now() - begun) * 100) / 100,
    },
    "wake-up processed",
  );
  const settled = !decision.more && !loaded.log.inboxMore && (await settle(ports, late, head, loaded, decision));
  // Others get their turn before the rest.
  if (!settled) await ports.queues.wake(head, REST);
}

/** Undefined: as usual. What waits its turn is not late before it has had it. */
function lookAfterMs({ settings }: Ports, { unhurried }: Memory, how: HowToCommit): number | undefined {
  const waiting = how.unhurried === true ? unhurried.pendingCount : 0;
  return waiting === 0 ? undefined : settings.localLeaseMs + waiting * FOLLOWING_MS;
}

async function decideOn(
  ports: Ports,
  loaded: Loaded,
): Promise<{ readonly decision: Decision; readonly workflow: Workflow }> {
  const { settings } = ports;
  const { head, inbox, readAt } = loaded.log;
  await ports.failpoints.hit("before-decide");
  const workflow = await ports.definitions.get(head.tenant, head.definition.digest);
  const functionQueues = await ports.functionQueues();
  const { runtime, childDepth, limits } = settings;
  // Read before the commit: what is published from here on is for whoever it lets listen.
  const eventsEnd = workflow.listens ? await ports.database.eventsEnd(head.tenant, "event") : 0;
  const situation = { now: readAt, workflow, runtime, childDepth, functionQueues, limits, eventsEnd };
  const begun = performance.now();
  const isSpent = () => performance.now() - begun >= settings.sliceMs;
  return { decision: decide(loaded.state, inbox, situation, { events: settings.sliceEvents, isSpent }), workflow };
}

async function commit(
  ports: Ports,
  executionId: ExecutionId,
  loaded: Loaded,
  decision: Decision,
  { refuseUnread = false, carried }: HowToCommit,
  lookAfterMs?: number,
): Promise<"unread" | Committed> {
  const { head, readAt } = loaded.log;
  const { events, state, taken } = decision;
  // Not taken, or of no consequence to the state at hand, which may be an old one: the store will say what it is worth.
  if (carried !== undefined && (taken < carried || events.length === 0)) return "unread";
  if (events.length === 0 && taken === 0) return { head, snapshot: loaded.snapshot, local: NOTHING_LOCAL };
  const { added, removed } = owedChanges(loaded.state, state);
  const tip = events.reduce(nextTip, head.tip);
  const status = statusOf(state);
  const snapshot = state.version - loaded.snapshot >= ports.settings.snapshotEvery && !isClosed(status);
  const local = ports.local.reserve(added, events);
  const localLookAt = readAt + ports.settings.localLeaseMs;
  let committed: CommitResult | undefined;
  try {
    committed = await ports.events.commit(executionId, {
      expected: head,
      taken: taken - (carried ?? 0),
      events,
      tip,
      owed: {
        add: added.map((work) =>
          local.names.has(work.name)
            ? { work, lookAt: localLookAt, claimed: true }
            : { work, lookAt: lookAtOf(work, readAt, ports.settings) },
        ),
        remove: removed.map(({ name }) => name),
      },
      status,
      ...(snapshot ? { snapshot: snapshotOf(state, tip) } : {}),
      ...(isClosed(status) && refuseUnread ? { refuseUnread } : {}),
      ...(carried === undefined ? {} : { unreadInbox: true }),
      ...(lookAfterMs !== undefined || local.names.size > 0
        ? { lookAfterMs: lookAfterMs ?? ports.settings.localLeaseMs }
        : {}),
    });
  } catch (error) {
    if (error instanceof StoreUnavailableError && local.names.size > 0) {
      const claimed = added.filter(({ name }) => local.names.has(name));
      void handBackDoubtful(ports, { executionId, expected: head, events, claimed, lookAt: localLookAt });
    }
    throw error;
  } finally {
    if (committed?.result !== "committed") local.drop();
  }
  if (committed.result === "unread") return "unread";
  ports.metrics.commit(events.length);
  if (committed.unheard > 0) {
    ports.log.warn(
      { executionId, unheard: committed.unheard },
      "the execution ended without reading its last messages",
    );
  }
  return { head: committed.head, snapshot: snapshot ? state.version : loaded.snapshot, local };
}

interface Committed {
  readonly head: ExecutionHead;
  readonly snapshot: number;
  /** What this process has claimed for itself, and begins with now. */
  readonly local: Reservation;
}
