import type { Attention, OwedEntry } from "../ports/event-store.ts";
import type { Job } from "../ports/queues.ts";
import type { ExecutionId } from "../values/ids.ts";
import { lookAtChild } from "./children.ts";
import { redispatch } from "./dead-letters.ts";
import { jobOf } from "./dispatch.ts";
import { createLetterKeeper } from "./letter-keeper.ts";
import type { Ports } from "./ports.ts";
import { createRetention } from "./retention.ts";
import { lookAtSubscription } from "./subscriptions.ts";

/** Between two looks at something that is in its queue as it should be. */
const LOOK_AGAIN_MS = 5_000;
/** A child tells its parent by itself; this is for a store that lost its last second. */
const LOOK_AT_CHILD_MS = 300_000;
/** Events are delivered to it, or it is behind and looked at sooner; this is for one that the index has lost. */
const LOOK_AT_SUBSCRIPTION_MS = 300_000;
const BATCH = 200;
/** Looks side by side: each is a few questions to the store and the queues. */
const AT_ONCE = 16;
/** Closer together: what a process held that was killed just before this one started comes due in these. */
const FIRST_ROUNDS = 16;
/** Rounds between two looks for events that whoever published them did not deliver. */
const DELIVERY_ROUNDS = 2;
/** Rounds between two looks for schedules that are late. */
const SCHEDULE_ROUNDS = 2;
/** Rounds between two checks for lost letter jobs. */
const LETTER_ROUNDS = 20;
/** And between two looks for documents that nothing needs any more. */
const DOCUMENT_ROUNDS = 600;

export interface Reconciler {
  /** Looks once at all that is late, in every partition. */
  round(): Promise<void>;
  start(): void;
  /** Resolves when the round under way has ended. */
  stop(): Promise<void>;
}

/** Whatever is owed has a moment at which somebody must look; this is the somebody. */
export function createReconciler(ports: Ports): Reconciler {
  let stopped = true;
  let rounds = 0;
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  const letters = createLetterKeeper(ports);
  const retention = createRetention(ports);
  const round = async () => {
    const partitions = Array.from({ length: ports.settings.partitions }, (_, partition) => partition);
    // All of them before anything that can wait: after a restart, somebody waits for each.
    for (const partition of partitions) await tryTo(ports, () => lookAtPartition(ports, partition));
    for (const partition of partitions) {
      if (rounds % LETTER_ROUNDS === 0) await tryTo(ports, () => letters.rebuild(partition));
      await tryTo(ports, () => retention.round(partition));
    }
    if (rounds % DELIVERY_ROUNDS === 0) await tryTo(ports, () => deliverWhatIsLeft(ports));
    if (rounds % SCHEDULE_ROUNDS === 0) await tryTo(ports, () => ports.schedules.lookAtLate());
    if (rounds % DOCUMENT_ROUNDS === 0) await tryTo(ports, () => retention.dropDocuments());
    rounds += 1;
  };
  const tick = () => {
    running = round().finally(() => {
      const wait = rounds <= FIRST_ROUNDS ? ports.settings.reconcileEveryMs / 4 : ports.settings.reconcileEveryMs;
      if (!stopped) timer = setTimeout(tick, wait);
    });
  };
  return {
    round,
    start() {
      stopped = false;
      tick();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/** What one look cannot do keeps none of the others from theirs. */
async function tryTo(ports: Ports, look: () => Promise<void>): Promise<void> {
  try {
    await look();
  } catch (error) {
    ports.log.warn({ err: error }, "the reconciler could not look");
  }
}

/** Events of whoever died between publishing and delivering them. */
async function deliverWhatIsLeft({ database, delivery }: Ports): Promise<void> {
  for (const tenant of await database.tenantsToDeliver(await database.tenants())) await delivery.deliver(tenant);
}

async function lookAtPartition(ports: Ports, partition: number): Promise<void> {
  const found = await ports.events.attention(partition, BATCH);
  for (let from = 0; from < found.length; from += AT_ONCE) {
    await Promise.all(found.slice(from, from + AT_ONCE).map((late) => tryTo(ports, () => lookOrPutOff(ports, late))));
  }
}

async function lookOrPutOff(ports: Ports, late: Attention): Promise<void> {
  try {
    await look(ports, late);
  } catch (error) {
    await ports.events.looked(late.executionId, { entries: [], lookAt: late.now + LOOK_AGAIN_MS });
    throw error;
  }
}

async function look(ports: Ports, late: Attention): Promise<void> {
  const { events, queues, metrics } = ports;
  const lookAt = late.now + LOOK_AGAIN_MS;
  // This process has it in hand, and is only slow.
  if (ports.wakesHere.holds(late)) return events.looked(late.executionId, { entries: [], lookAt });
  const timers = late.owed.filter((entry) => entry.kind === "timer");
  // In this order: a timer's job that ended before the next question has made a wake-up, and one that ended has done its work.
  const waiting = late.due ? await aliveJobs(ports, late, timers) : [];
  const asleep = late.due && !(await queues.wakeAlive(late)) && (await events.due(late)).includes(late.executionId);
  if (asleep && waiting.length > 0) {
    // They wait their turn, or for the clock of a worker that is not the store's. Nothing is missing, but it is time.
    await queues.remove(waiting);
    await queues.wake(late, "timer.fired");
  } else if (asleep && (await isOnlyUnsettled(ports, late))) {
    await queues.forceWake(late, "unsettled");
  } else if (asleep) {
    await queues.forceWake(late, "rescue");
    const overdue = timers.length > 0;
    metrics.rescue(overdue ? "timer" : "wake");
    ports.log.warn({ ...idsOf(late), overdueTimers: timers.length }, "a wake-up was missing");
  }
  for (const entry of late.owed) await lookAtOwed(ports, late, entry);
  if (late.owed.length === 0) await events.looked(late.executionId, { entries: [], lookAt });
}

/**
 * Whoever decided last died before it told the store that all it asked for is in the queues (`late-settles.ts`), and there it is: no job was
 * missing, though somebody has to be woken to settle.
 */
async function isOnlyUnsettled({ events, queues }: Ports, late: Attention): Promise<boolean> {
  const found = await events.describe(late.executionId);
  if (found === null || found.inbox > 0 || found.head.settled === found.head.version) return false;
  const activities = found.owed.filter(
    (entry) => entry.kind === "activity" && !entry.answered && entry.parked === null,
  );
  for (const entry of activities) {
    const job = jobOf(late, entry, entry.dispatch, late.now, Number.POSITIVE_INFINITY);
    if (job === undefined || !(await queues.alive(job))) return false;
  }
  return activities.length > 0;
}

async function aliveJobs(ports: Ports, late: Attention, entries: readonly OwedEntry[]): Promise<readonly Job[]> {
  const alive: Job[] = [];
  for (const entry of entries) {
    const job = jobOf(late, entry, entry.dispatch, late.now, Number.POSITIVE_INFINITY);
    if (job !== undefined && (await ports.queues.alive(job))) alive.push(job);
  }
  return alive;
}

async function lookAtOwed(ports: Ports, late: Attention, entry: OwedEntry): Promise<void> {
  const { events, queues, settings } = ports;
  const { executionId, now } = late;
  const seen = (lookAt: number) =>
    events.looked(executionId, { entries: [{ name: entry.name, dispatch: entry.dispatch, lookAt }], lookAt });
  if (entry.parked !== null || entry.answered) return seen(now + settings.activityLeaseMs);
  // A timer past its time needs no job any more: the wake-up decides it.
  if (entry.kind === "timer" && entry.fireAt <= now) return seen(now + LOOK_AGAIN_MS);
  if (ports.local.holds(executionId, entry.name)) return seen(now + settings.localLeaseMs);
  if (entry.kind === "child") {
    if (!(await stillOwed(ports, executionId, entry))) return;
    if (await lookAtChild(ports, late, entry.name)) noteRescue(ports, late, entry);
    return seen(now + LOOK_AT_CHILD_MS);
  }
  if (entry.kind === "subscription") {
    if (!(await stillOwed(ports, executionId, entry))) return;
    // First: if it stays behind, or falls behind meanwhile, the next look is sooner than that.
    await seen(now + LOOK_AT_SUBSCRIPTION_MS);
    try {
      if (await lookAtSubscription(ports, late, entry.name)) noteRescue(ports, late, entry);
    } catch (error) {
      await events.lookSooner(executionId, entry.name, LOOK_AGAIN_MS);
      throw error;
    }
    return;
  }
  const job = jobOf(late, entry, entry.dispatch, now, Number.POSITIVE_INFINITY);
  const next = entry.kind === "timer" ? entry.fireAt + settings.timerPrecisionMs : now + settings.activityLeaseMs;
  if (job === undefined || (await queues.alive(job))) return seen(next);
  // Beyond the horizon when it was asked: this is its first job, not a rescue.
  if (entry.kind === "timer" && entry.fireAt - entry.since > settings.timerHorizonMs && entry.dispatch === 0) {
    await queues.dispatch([job]);
    return seen(next);
  }
  if (!(await stillOwed(ports, executionId, entry))) return;
  await redispatch(ports, late, entry, now, next);
  noteRescue(ports, late, entry);
}

function noteRescue({ metrics, log }: Ports, late: Attention, { name, kind }: OwedEntry): void {
  metrics.rescue(kind);
  log.warn({ ...idsOf(late), name, kind }, "the job of owed work was missing");
}

/** Its job is gone: because it is done, or because it was lost? */
async function stillOwed(ports: Ports, executionId: ExecutionId, entry: OwedEntry): Promise<boolean> {
  const description = await ports.events.describe(executionId);
  const found = description?.owed.find(({ name }) => name === entry.name);
  return found !== undefined && !found.answered && found.parked === null && found.attempt === entry.attempt;
}

function idsOf({ tenant, workflowId, executionId }: Attention) {
  return { tenant, workflowId, executionId };
}
