import { randomUUID } from "node:crypto";
import type { CatchUp, Overlap, ScheduleOn, ScheduleWhen } from "../../dsl/schedule.ts";
import type { DefinitionReference } from "../../engine/events.ts";
import { ConflictError, NotFoundError } from "../../errors.ts";
import type { Database } from "../../ports/database.ts";
import type { EventStore, Page, Paged } from "../../ports/event-store.ts";
import type {
  EventCollection,
  EventName,
  PastFiring,
  ScheduleKey,
  ScheduleRecord,
  StoredSchedule,
} from "../../ports/schedules.ts";
import type { ExecutionId, TenantId, WorkflowId } from "../../values/ids.ts";
import type { Json, JsonObject } from "../../values/json.ts";
import type { Once } from "../request-keys.ts";
import { refuseLargeInput } from "../start-execution.ts";
import { take } from "./advance.ts";
import { firingOfTrigger, pathOf } from "./firing.ts";
import type { Scheduler, SchedulerSettings } from "./scheduler.ts";
import { scheduleTimes } from "./times.ts";

/** What the API asks of schedules. */
export interface ScheduleService {
  /** By namespace, then name. */
  list(tenant: TenantId, filter: { readonly namespace?: string }, page: Page): Promise<Paged<ScheduleView>>;
  /** @throws {NotFoundError} */
  get(key: ScheduleKey): Promise<ScheduleView>;
  /** Fine to repeat. What waits for the end of another execution is given up. @throws {NotFoundError} */
  pause(key: ScheduleKey, reason?: string): Promise<ScheduleView>;
  /** Goes on with the next time and the next event; what came while it was paused is not made up for. Fine to repeat. @throws {NotFoundError} */
  resume(key: ScheduleKey): Promise<ScheduleView>;
  /**
   * Starts an execution now, paused or not, under the policy for overlaps.
   * @throws {NotFoundError}
   * @throws {ConflictError} when the policy is `skip` and an execution is open.
   * @throws {PayloadTooLargeError}
   */
  trigger(key: ScheduleKey, input: Json | undefined, once?: Once): Promise<Triggered>;
}

export interface ScheduleView extends ScheduleKey {
  readonly definition: DefinitionReference;
  /** Null: it starts on events only. */
  readonly when: ScheduleWhen | null;
  readonly on: (ScheduleOn & { readonly collecting: readonly CollectingView[] }) | null;
  /** As the definition or the service says. */
  readonly timeZone: string | null;
  readonly catchUp: CatchUp;
  readonly overlap: Overlap;
  readonly state: "active" | "paused";
  readonly pausedReason: string | null;
  /** Epoch ms, as all moments here. */
  readonly since: number;
  readonly nextAt: number | null;
  readonly last: PastFiring | null;
  /** The last few, the latest first. */
  readonly recent: readonly PastFiring[];
  readonly buffered: PastFiring | null;
  /** Started by it and, as far as it knows, not ended. */
  readonly open: readonly ExecutionId[];
  readonly fired: number;
  readonly skipped: number;
}

/** Events that are part of a firing to come. */
export interface CollectingView {
  readonly since: number;
  readonly correlation: JsonObject;
  /** Of the first few. */
  readonly events: readonly EventName[];
  readonly count: number;
  /** Of `all`: JSON pointers of the filters that no event has filled. */
  readonly missing: readonly string[];
}

export interface Triggered {
  readonly schedule: ScheduleView;
  readonly executionId: ExecutionId;
  readonly workflowId: WorkflowId;
  /** False: it starts when those before it have ended, or its tenant may start more. */
  readonly started: boolean;
}

export interface ScheduleServiceDeps {
  readonly database: Pick<Database, "schedule" | "schedules" | "eventsEnd">;
  readonly events: Pick<EventStore, "heads">;
  readonly schedules: Pick<Scheduler, "update" | "look">;
  readonly settings: SchedulerSettings;
  readonly payloadBytes?: number;
}

export function createScheduleService(deps: ScheduleServiceDeps): ScheduleService {
  const { database, events, schedules, settings } = deps;

  function viewOf(stored: StoredSchedule): ScheduleView | undefined {
    const { tenant, namespace, name, record } = stored;
    const { definition, schedule, buffered } = record;
    if (definition === null || schedule === null) return undefined;
    const { when, on } = schedule;
    return {
      ...{ tenant, namespace, name, definition, when },
      on: on == null ? null : { ...on, collecting: (record.hearing?.collections ?? []).map(collectingOf(on)) },
      timeZone: when?.kind === "cron" ? (when.timeZone ?? settings.timeZone) : null,
      catchUp: schedule.catchUp ?? settings.catchUp,
      overlap: schedule.overlap ?? settings.overlap,
      ...{ state: record.state, pausedReason: record.pausedReason, since: record.since, nextAt: record.nextAt },
      ...{ last: record.last, open: record.open, fired: record.fired, skipped: record.skipped },
      recent: record.recent ?? [],
      buffered,
    };
  }

  function found(key: ScheduleKey, stored: StoredSchedule | null): ScheduleView {
    const view = stored === null ? undefined : viewOf(stored);
    if (view === undefined) throw new NotFoundError("schedule", pathOf(key));
    return view;
  }

  /** It may be started already, by an earlier try. */
  async function isStarted(executionId: ExecutionId): Promise<boolean> {
    return Boolean((await events.heads([executionId]))[0]);
  }

  return {
    async list(tenant, filter, page) {
      const { items, nextCursor } = await database.schedules(tenant, filter, page);
      const views = items.flatMap((stored) => viewOf(stored) ?? []);
      return nextCursor === undefined ? { items: views } : { items: views, nextCursor };
    },

    get: async (key) => found(key, await database.schedule(key)),

    async pause(key, reason) {
      const stored = await schedules.update(key, (record) =>
        record.state === "paused"
          ? undefined
          : {
              ...record,
              state: "paused",
              pausedReason: reason ?? null,
              ...{ heldAt: record.nextAt, nextAt: null, buffered: null },
              skipped: record.skipped + (record.buffered === null ? 0 : 1),
            },
      );
      return found(key, stored);
    },

    async resume(key) {
      const eventsEnd = await database.eventsEnd(key.tenant, "event");
      await schedules.update(key, (record, now) =>
        record.state === "active" ? undefined : resumed(record, now, eventsEnd, settings.timeZone),
      );
      return found(key, await schedules.look(key));
    },

    async trigger(key, input, once) {
      refuseLargeInput(input, deps.payloadBytes);
      const id = once?.id ?? randomUUID();
      const { executionId, workflowId } = firingOfTrigger(key, 0, id, settings.partitions);
      const isRepeat = once?.isRepeat === true && (await isStarted(executionId));
      let refused = false;
      const change = (record: ScheduleRecord, now: number) => {
        const known = [...record.pending, ...(record.buffered === null ? [] : [record.buffered])];
        if (known.some((each) => each.executionId === executionId)) return undefined;
        const firing = firingOfTrigger(key, now, id, settings.partitions);
        // What starts on events only knows no other input than a list.
        const given = input ?? (record.schedule?.when === null ? [] : undefined);
        const withInput = given === undefined ? firing : { ...firing, input: given };
        const taken = take(record, withInput, record.schedule?.overlap ?? settings.overlap);
        refused = taken.isTaken !== true;
        return refused ? undefined : taken.record;
      };
      if (!isRepeat) {
        // What it takes to be open may have ended: a look knows.
        found(key, await schedules.look(key));
        found(key, await schedules.update(key, change));
      }
      if (refused) {
        throw new ConflictError(
          "DURABULL_SCHEDULE_BUSY",
          `schedule ${pathOf(key)} has an open execution, and its overlap policy is "skip"`,
        );
      }
      const schedule = found(key, await schedules.look(key));
      return { schedule, executionId, workflowId, started: isRepeat || (await isStarted(executionId)) };
    },
  };
}

/** @param eventsEnd events up to here came while it was paused: they are not heard. */
function resumed(record: ScheduleRecord, now: number, eventsEnd: number, timeZone: string): ScheduleRecord {
  const { schedule, heldAt, since } = record;
  const hearing = record.hearing == null ? null : { ...record.hearing, position: eventsEnd, behindTo: eventsEnd };
  const active = { ...record, hearing, state: "active", pausedReason: null, heldAt: null } as const;
  const when = schedule?.when ?? null;
  if (when === null) return active;
  // The delay after an end goes on; it is only late.
  if (when.kind === "after") return { ...active, nextAt: heldAt === null ? null : Math.max(heldAt, now) };
  return { ...active, nextAt: scheduleTimes(when, since, timeZone).next(now) };
}

/** Events shown of what is not complete. */
const NAMES_SHOWN = 10;

function collectingOf({ to }: ScheduleOn): (collection: EventCollection) => CollectingView {
  const places = Array.isArray(to.all) ? to.all.map((_, place) => place) : [];
  return ({ since, seen, filled, events }) => ({
    ...{ since, correlation: seen, count: events.length },
    events: events.slice(0, NAMES_SHOWN).map(({ source, id, type }) => ({ source, id, type })),
    missing: places.filter((place) => !filled.includes(place)).map((place) => `/schedule/on/all/${place}`),
  });
}
