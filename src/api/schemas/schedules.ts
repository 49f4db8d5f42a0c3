import { z } from "zod";
import { CATCH_UPS, OVERLAPS } from "../../dsl/schedule.ts";
import { READ_AS } from "../../values/cloud-event.ts";
import { cursor, jsonValue, limit, listOf, nameText, timestamp } from "./common.ts";
import { definitionReference } from "./definitions.ts";

export const schedulePath = z.strictObject({ namespace: nameText(63), name: nameText(63) });
export const scheduleListQuery = z.strictObject({ namespace: nameText(63).exactOptional(), limit, cursor });
export const triggerBody = z
  .strictObject({
    input: jsonValue.exactOptional().meta({ description: "Absent: {}, or [] where it starts on events only" }),
  })
  .nullish();
export const pauseBody = z.strictObject({ reason: z.string().max(1_000).exactOptional() }).nullish();
export const resumeBody = z.strictObject({}).nullish();

const eventName = z.object({ source: z.string(), id: z.string(), type: z.string() });
const firing = z
  .object({
    executionId: z.string(),
    workflowId: z.string(),
    kind: z.enum(["time", "trigger", "event"]),
    at: timestamp.meta({ description: "Nominal time, when it was triggered, or when its last event was published" }),
    events: z.array(eventName).readonly().exactOptional().meta({ description: "That led to it, the first 10" }),
  })
  .meta({ id: "Firing" });

const collecting = z
  .object({
    since: timestamp,
    correlation: z.record(z.string(), jsonValue),
    count: z.number().int(),
    events: z.array(eventName).readonly().meta({ description: "The first 10" }),
    missing: z
      .array(z.string())
      .readonly()
      .meta({ description: "Of `all`: JSON pointers of filters without an event" }),
  })
  .meta({ id: "CollectedEvents" });

export const scheduleBody = z
  .object({
    namespace: z.string(),
    name: z.string(),
    tenant: z.string(),
    definition: definitionReference.meta({ description: "The newest version: no other one's schedule is active" }),
    state: z.enum(["active", "paused"]),
    pausedReason: z.string().exactOptional(),
    every: z.string().exactOptional().meta({ description: "Interval, ISO 8601" }),
    after: z.string().exactOptional().meta({ description: "Delay after an end, ISO 8601" }),
    cron: z.string().exactOptional(),
    timeZone: z.string().exactOptional().meta({ description: "Of `cron`" }),
    on: z
      .object({
        strategy: z.record(z.string(), jsonValue).meta({ description: "As in the definition: one, any or all" }),
        read: z.enum(READ_AS),
        collecting: z.array(collecting).readonly().meta({ description: "Begun and not complete, oldest first" }),
      })
      .exactOptional()
      .meta({ description: "The events it starts on" }),
    catchUp: z.enum(CATCH_UPS).meta({ description: "Of times; events are not missed, only late" }),
    overlap: z.enum(OVERLAPS),
    since: timestamp.meta({ description: "Intervals are counted from here" }),
    nextAt: timestamp
      .exactOptional()
      .meta({ description: "Absent while it is paused, of `after` while an execution is open, and of `on` alone" }),
    last: firing.exactOptional().meta({ description: "What was started last" }),
    recent: z.array(firing).readonly().meta({ description: "The last 10, the latest first" }),
    buffered: firing.exactOptional().meta({ description: "Starts when those before it have ended" }),
    open: z
      .array(z.string())
      .readonly()
      .meta({ description: "Executions that it started and that are open, the latest 50" }),
    fired: z.number().int(),
    skipped: z
      .number()
      .int()
      .meta({ description: "Decisions to skip a moment, several that were missed at once, or events" }),
  })
  .meta({ id: "Schedule" });
export type ScheduleBody = z.output<typeof scheduleBody>;
export const scheduleList = listOf(scheduleBody);

export const triggeredBody = z
  .object({
    executionId: z.string(),
    workflowId: z.string(),
    started: z.boolean().meta({ description: "False: it waits, by the overlap policy or for the tenant's limits" }),
    schedule: scheduleBody,
  })
  .meta({ id: "TriggeredSchedule" });
export type TriggeredBody = z.output<typeof triggeredBody>;
