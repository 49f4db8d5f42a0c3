import type { Schedule } from "../../dsl/schedule.ts";
import type { NewFact } from "../../engine/facts.ts";
import { NotFoundError, PayloadTooLargeError, QuotaError, StoreUnavailableError } from "../../errors.ts";
import type { Database, StoredDefinition } from "../../ports/database.ts";
import type { PublishedEvent } from "../../ports/event-log.ts";
import type { EventStore, ExecutionHead } from "../../ports/event-store.ts";
import type { Log } from "../../ports/executor.ts";
import type { RuntimeMetrics } from "../../ports/metrics.ts";
import type { Queues } from "../../ports/queues.ts";
import type { Firing, Hearing, ScheduleKey, ScheduleRecord, StoredSchedule } from "../../ports/schedules.ts";
import type { ExecutionId } from "../../values/ids.ts";
import { isClosed } from "../../values/status.ts";
import type { Failpoints } from "../failpoints.ts";
import type { Definitions } from "../ports.ts";
import type { Starter } from "../start-execution.ts";
import { wakeSoon } from "../tell.ts";
import { type Advanced, advanceSchedule, type ScheduleSettings } from "./advance.ts";
import { firingAt, labelsOf, pathOf, scheduleOfLabels, timerOf } from "./firing.ts";
import { hearLater, isBehind } from "./hear-events.ts";
import { createListening, type ListeningSettings } from "./listening.ts";
import { afterFirings, EMPTY, lookAtOf, recordOf, UNFINISHED_MS } from "./record.ts";
import { sharedLook } from "./shared-look.ts";

/** Writers that were first, before somebody gives up and leaves it to the reconciler. */
const TRIES = 50;
/** Firings started side by side. */
const STARTED_AT_ONCE = 16;
/** Looked at in one round, of each tenant. */
const BATCH = 200;

export interface SchedulerPorts {
  readonly events: Pick<EventStore, "now" | "heads" | "append">;
  readonly database: Database;
  readonly queues: Pick<Queues, "dispatch" | "alive" | "remove" | "wake">;
  readonly definitions: Definitions;
  readonly start: Starter;
  readonly log: Log;
  readonly metrics: RuntimeMetrics;
  readonly failpoints: Failpoints;
  readonly settings: SchedulerSettings;
}
export interface SchedulerSettings extends ScheduleSettings, ListeningSettings {
  readonly timerHorizonMs: number;
  readonly timerPrecisionMs: number;
}

/**
 * Starts executions when their schedules say so. What is to be started is decided by a compare-and-set of the record, once; started
 * under an id made of schedule and nominal time, as often as it takes; then the record moves on and the job of the next time is made.
 * Whoever looks does all that is left of it, so a crash at any point neither loses nor doubles a firing.
 */
export interface Scheduler {
  /** Before a definition is registered or unlisted: somebody will look, even if this process dies in between. */
  prepare(key: ScheduleKey, hasSchedule: boolean): Promise<void>;
  /** Makes the schedule that of the newest listed version, or removes it, and looks. */
  sync(key: ScheduleKey): Promise<void>;
  /** Does what is due and arms what comes next. Null when there is no schedule (any more). */
  look(key: ScheduleKey): Promise<StoredSchedule | null>;
  /**
   * Events of its subscription, in the order of the log; repeatable. Once it returns they are in the record, or not for it; what follows is done meanwhile.
   * @throws {StoreUnavailableError} when they must be brought again.
   */
  hear(key: ScheduleKey, subscription: string, events: readonly PublishedEvent[]): Promise<void>;
  /** Resolves when nothing is under way of what was heard. */
  idle(): Promise<void>;
  /** Word that an execution has ended. */
  ended(head: ExecutionHead): Promise<void>;
  /** Looks at all that is late: for the reconciler. */
  lookAtLate(): Promise<void>;
  /** Changes a record: undefined leaves it. Gives what stands then; null when there is none. */
  update(
    key: ScheduleKey,
    change: (record: ScheduleRecord, now: number) => ScheduleRecord | undefined,
  ): Promise<StoredSchedule | null>;
}

export function createScheduler(ports: SchedulerPorts): Scheduler {
  const { events, database, queues, definitions, log, metrics, failpoints, settings } = ports;
  const { partitions } = settings;

  const newest = ({ tenant, namespace, name }: ScheduleKey) => database.definition(tenant, namespace, name);

  const listening = createListening(ports);
  const lookSoon = sharedLook(look);

  async function scheduleIn(definition: StoredDefinition): Promise<Schedule | null> {
    return (await definitions.get(definition.tenant, definition.digest)).schedule;
  }

  /** Undefined when another writer was first. */
  async function write(stored: StoredSchedule, record: ScheduleRecord, now: number) {
    const lookAt = lookAtOf(record, now, settings);
    const revision = await database.putSchedule(stored, stored.revision, { lookAt, record });
    return revision === null ? undefined : { ...stored, revision, lookAt, record };
  }

  async function prepare(key: ScheduleKey, hasSchedule: boolean): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      const stored = await database.schedule(key);
      if (stored === null && !hasSchedule) return;
      const now = await events.now();
      const lookAt = Math.min(stored?.lookAt ?? Number.POSITIVE_INFINITY, now + UNFINISHED_MS);
      const record = stored?.record ?? { ...EMPTY, since: now };
      if ((await database.putSchedule(key, stored?.revision ?? null, { lookAt, record })) !== null) return;
    }
    throw tooBusy(key);
  }

  async function sync(key: ScheduleKey): Promise<void> {
    await settleOn(key);
    await look(key);
  }

  async function settleOn(key: ScheduleKey): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      const stored = await database.schedule(key);
      const definition = await newest(key);
      const schedule = definition === null ? null : await scheduleIn(definition);
      const now = await events.now();
      if (definition === null || schedule === null) {
        if (stored === null) return;
        if (!(await database.removeSchedule(key, stored.revision))) continue;
        await leaveUnless(key, stored.record.hearing, null);
        if (stored.record.definition !== null) log.info({ ...key }, "the schedule has ended");
        return disarm(stored, now);
      }
      const hearing = await listening.hearingOf(definition, stored?.record, now);
      const record = recordOf(definition, schedule, stored?.record, hearing, now, settings);
      const lookAt = lookAtOf(record, now, settings);
      const revision = await database.putSchedule(key, stored?.revision ?? null, { lookAt, record });
      if (revision === null) continue;
      await leaveUnless(key, stored?.record.hearing, hearing);
      if (stored !== null && stored.record.nextAt !== record.nextAt) await disarm(stored, now);
      return;
    }
    throw tooBusy(key);
  }

  /** Takes what is heard no more out of the index. If this is forgotten, an event that is delivered to it is the occasion. */
  async function leaveUnless(key: ScheduleKey, before: Hearing | null | undefined, now: Hearing | null): Promise<void> {
    if (before == null || before.subscription === now?.subscription) return;
    await listening.leave(key, before.subscription);
  }

  async function look(key: ScheduleKey): Promise<StoredSchedule | null> {
    for (let tries = 0; tries < TRIES; tries++) {
      const stored = await database.schedule(key);
      if (stored === null) return null;
      if ((await newest(key))?.digest !== stored.record.definition?.digest || stored.record.definition === null) {
        await settleOn(key);
        continue;
      }
      const now = await events.now();
      const { hearing } = stored.record;
      if (hearing?.joined === false) {
        await failpoints.hit("before-schedule-joined");
        await write(stored, { ...stored.record, hearing: await listening.join(stored, hearing) }, now);
        continue;
      }
      const onTime = await advance(key, stored.record, now);
      const advanced = both(onTime, await listening.catchUp(key, onTime.record, now));
      let current: StoredSchedule | undefined = stored;
      if (advanced.record !== stored.record || (stored.lookAt !== null && stored.lookAt <= now)) {
        await failpoints.hit("before-schedule-decided");
        current = await write(stored, advanced.record, now);
        if (current === undefined) continue;
        note(key, advanced);
        await failpoints.hit("after-schedule-decided");
      }
      await cancelForBuffered(current);
      if (current.record.pending.length > 0) {
        // What was started may have ended by now; what may not be started yet waits for the reconciler.
        const left = await startPending(current, now);
        if (left === undefined || left === 0) continue;
      } else if (isBehind(current.record)) {
        tries--; // It got on.
        continue;
      }
      await failpoints.hit("before-schedule-armed");
      await arm(current, now);
      return current;
    }
    throw tooBusy(key);
  }

  async function advance(key: ScheduleKey, record: ScheduleRecord, now: number): Promise<Advanced> {
    const ended = await endedOf(record.open, now);
    return advanceSchedule(record, { now, ended, settings, firingAt: (at) => firingAt(key, at, partitions) });
  }

  async function hear(key: ScheduleKey, subscription: string, heard: readonly PublishedEvent[]): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      const stored = await database.schedule(key);
      if (stored?.record.hearing?.subscription !== subscription) return listening.leave(key, subscription);
      const { behindTo } = stored.record.hearing;
      const fresh = heard.filter(({ position }) => position > behindTo);
      if (stored.record.state === "paused" || fresh.length === 0) return;
      const now = await events.now();
      const onTime = await advance(key, stored.record, now);
      const heardNow = await listening.hear(key, onTime.record, fresh, now).catch((error: unknown) => {
        if (error instanceof StoreUnavailableError) throw error;
        log.error({ ...key, err: error }, "a schedule cannot hear events; it will look at them again");
        return { record: hearLater(onTime.record, fresh), skipped: [], lateness: [] };
      });
      const advanced = both(onTime, heardNow);
      await failpoints.hit("before-schedule-heard");
      if ((await write(stored, advanced.record, now)) === undefined) continue;
      note(key, advanced);
      await failpoints.hit("after-schedule-heard");
      // It is decided: who delivers goes on, and what fails from here on, the reconciler does.
      lookSoon(key).catch((error: unknown) => {
        log.warn({ ...key, err: error }, "a schedule has heard events, and nobody could act on them yet");
      });
      return;
    }
    throw new StoreUnavailableError(`schedule ${pathOf(key)} is written by too many at once`);
  }

  function note(key: ScheduleKey, { skipped, lateness }: Advanced): void {
    for (const ms of lateness) metrics.scheduleFired(ms);
    for (const reason of skipped) metrics.scheduleSkipped(reason);
    if (skipped.length > 0) log.info({ ...key, skipped }, "moments of a schedule were skipped");
  }

  /** When those of these executions ended that have; what is gone ended some time ago. */
  async function endedOf(open: readonly ExecutionId[], now: number): Promise<ReadonlyMap<ExecutionId, number>> {
    if (open.length === 0) return new Map();
    const heads = await events.heads(open);
    return new Map(
      open.flatMap((id, i) => {
        const head = heads[i];
        if (!head) return [[id, 0] as const];
        return isClosed(head.status) ? [[id, head.endedAt ?? now] as const] : [];
      }),
    );
  }

  /** Gives how many are left because the tenant may not start more; undefined when another writer was first. */
  async function startPending(stored: StoredSchedule, now: number): Promise<number | undefined> {
    const { record } = stored;
    const started: ExecutionId[] = [];
    const done: Firing[] = [];
    for (let from = 0; from === done.length && from < record.pending.length; from += STARTED_AT_ONCE) {
      const some = record.pending.slice(from, from + STARTED_AT_ONCE);
      const outcomes = await Promise.all(some.map((firing) => startOne(stored, firing)));
      for (const [i, firing] of some.entries()) {
        // One that is started out of its turn is found again.
        if (outcomes[i] === "later") break;
        if (outcomes[i] === "started") started.push(firing.executionId);
        done.push(firing);
      }
    }
    await failpoints.hit("after-schedule-started");
    if (done.length === 0) return record.pending.length;
    const next = afterFirings(record, done, started);
    const written = await write(stored, next, now);
    return written === undefined ? undefined : next.pending.length;
  }

  async function startOne(stored: StoredSchedule, firing: Firing): Promise<"started" | "dropped" | "later"> {
    const { tenant, namespace, name } = stored;
    const { workflowId, executionId, input, at, trace } = firing;
    const ids = { tenant, workflowId, executionId };
    try {
      const started = await ports.start({
        tenant,
        workflowId,
        once: { id: firing.once, outcome: null, note: async () => undefined },
        definition: { namespace, name, version: stored.record.definition?.version ?? "" },
        labels: labelsOf(stored, firing),
        ...(firing.kind === "time" ? { scheduledFor: at } : {}),
        ...(input === undefined ? {} : { input }),
        ...(trace === undefined ? {} : { trace }),
      });
      if (started.result !== "refused") return "started";
      log.warn({ ...ids, schedule: pathOf(stored) }, "a scheduled execution was not started: its workflow ID is taken");
      return "dropped";
    } catch (error) {
      if (error instanceof QuotaError) {
        log.warn({ ...ids, err: error }, "a scheduled execution waits: its tenant may not start more");
        return "later";
      }
      if (error instanceof PayloadTooLargeError) {
        log.error({ ...ids, err: error }, "a scheduled execution was not started: its input is too large");
        return "dropped";
      }
      if (!(error instanceof NotFoundError)) throw error;
      return "dropped"; // Unlisted meanwhile: the next look ends the schedule.
    }
  }

  /** What `cancel-running` cancels; harmless to repeat. */
  async function cancelForBuffered(stored: StoredSchedule): Promise<void> {
    const { schedule, buffered, open } = stored.record;
    if (buffered === null || (schedule?.overlap ?? settings.overlap) !== "cancel-running") return;
    const heads = await events.heads(open);
    const reason = `the schedule ${pathOf(stored)} starts another execution`;
    for (const head of heads) {
      if (!head || isClosed(head.status)) continue;
      const id = `schedule-${buffered.executionId}`;
      const fact: NewFact = { kind: "message", id, source: "timer-service", message: { type: "cancel", reason } };
      if ((await events.append(head.executionId, fact)) === "accepted")
        await wakeSoon(ports, head, "execution.cancelled");
    }
  }

  async function arm(stored: StoredSchedule, now: number): Promise<void> {
    const job = timerOf(stored, now, partitions);
    if (job === undefined || job.fireAt - now > settings.timerHorizonMs) return;
    // Whoever looks next makes it if this does not.
    await queues.dispatch([job]).catch((error: unknown) => {
      log.warn(
        { ...keyOf(stored), err: error },
        "the timer of a schedule was not queued; it will be found by its moment",
      );
    });
  }

  async function disarm(stored: StoredSchedule, now: number): Promise<void> {
    const job = timerOf(stored, now, partitions);
    if (job !== undefined) await queues.remove([job]).catch(() => undefined); // A stale job finds nothing due.
  }

  async function lookAtLate(): Promise<void> {
    const now = await events.now();
    for (const late of await database.schedulesToLookAt(await database.tenants(), now, BATCH)) {
      const key = keyOf(late);
      try {
        const isOverdue = late.record.nextAt !== null && late.record.nextAt <= now;
        if (isOverdue) await noteMissing(late, now);
        await look(key);
      } catch (error) {
        log.warn({ ...key, err: error }, "the reconciler could not look at a schedule");
      }
    }
  }

  /** Its job is gone: because somebody is past it, or because it was lost? */
  async function noteMissing(late: StoredSchedule, now: number): Promise<void> {
    const job = timerOf(late, now, partitions);
    if (job === undefined) return;
    if (await queues.alive(job)) return queues.remove([job]);
    const again = await database.schedule(late);
    if (again?.revision !== late.revision) return;
    metrics.rescue("schedule");
    log.warn({ ...keyOf(late), at: late.record.nextAt }, "the timer of a schedule was missing");
  }

  async function update(
    key: ScheduleKey,
    change: (record: ScheduleRecord, now: number) => ScheduleRecord | undefined,
  ): Promise<StoredSchedule | null> {
    for (let tries = 0; tries < TRIES; tries++) {
      const stored = await database.schedule(key);
      if (stored === null || stored.record.definition === null) return null;
      const now = await events.now();
      const record = change(stored.record, now);
      if (record === undefined) return stored;
      const written = await write(stored, record, now);
      if (written === undefined) continue;
      if (stored.record.buffered !== null && record.buffered === null) metrics.scheduleSkipped("paused");
      if (stored.record.nextAt !== record.nextAt) await disarm(stored, now);
      return written;
    }
    throw tooBusy(key);
  }

  return {
    prepare,
    sync,
    look,
    hear,
    idle: lookSoon.idle,
    lookAtLate,
    update,
    async ended(head) {
      const key = scheduleOfLabels(head.tenant, head.labels);
      if (key !== undefined) await lookSoon(key);
    },
  };
}

/** One after the other. */
function both(first: Advanced, second: Advanced): Advanced {
  return {
    record: second.record,
    skipped: [...first.skipped, ...second.skipped],
    lateness: [...first.lateness, ...second.lateness],
  };
}

function keyOf({ tenant, namespace, name }: ScheduleKey): ScheduleKey {
  return { tenant, namespace, name };
}

function tooBusy(key: ScheduleKey): Error {
  return new Error(`schedule ${pathOf(key)} is written by too many at once`);
}
