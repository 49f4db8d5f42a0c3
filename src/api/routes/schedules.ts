import type { ScheduleService, ScheduleView } from "../../runtime/schedules/service.ts";
import { durationText } from "../../values/durations.ts";
import { decodeCursor, encodeCursor } from "../cursor.ts";
import type { HttpApp } from "../http-app.ts";
import { problems } from "../schemas/common.ts";
import {
  pauseBody,
  resumeBody,
  type ScheduleBody,
  scheduleBody,
  scheduleList,
  scheduleListQuery,
  schedulePath,
  triggerBody,
  triggeredBody,
} from "../schemas/schedules.ts";
import { isoTime } from "./executions.ts";

const tags = ["schedules"];

export function scheduleRoutes(app: HttpApp, { schedules }: { readonly schedules: ScheduleService }): void {
  app.get(
    "/schedules",
    {
      schema: {
        tags,
        summary: "List schedules, by namespace and name",
        querystring: scheduleListQuery,
        response: { 200: scheduleList, ...problems(400, 503) },
      },
    },
    async ({ query, tenant }) => {
      const { limit, cursor, ...filter } = query;
      const scope = ["schedules", tenant, JSON.stringify(filter)];
      const place = cursor === undefined ? {} : { cursor: String(decodeCursor(scope, cursor)) };
      const { items, nextCursor } = await schedules.list(tenant, filter, { limit, ...place });
      return {
        items: items.map(scheduleBodyOf),
        ...(nextCursor === undefined ? {} : { nextCursor: encodeCursor(scope, nextCursor) }),
      };
    },
  );

  app.get(
    "/schedules/:namespace/:name",
    {
      schema: {
        tags,
        summary: "Look at the schedule of a definition",
        params: schedulePath,
        response: { 200: scheduleBody, ...problems(400, 404, 503) },
      },
    },
    async ({ params, tenant }) => scheduleBodyOf(await schedules.get({ tenant, ...params })),
  );

  app.post(
    "/schedules/:namespace/:name/pause",
    {
      schema: {
        tags,
        summary: "Start nothing more until it is resumed",
        description:
          "Repeating it is fine. Open executions go on; one that waits for them is given up. Events that come meanwhile are not heard; those that were collected are kept.",
        params: schedulePath,
        body: pauseBody,
        response: { 200: scheduleBody, ...problems(400, 404, 422, 503) },
      },
    },
    async ({ params, body, tenant }) => scheduleBodyOf(await schedules.pause({ tenant, ...params }, body?.reason)),
  );

  app.post(
    "/schedules/:namespace/:name/resume",
    {
      schema: {
        tags,
        summary: "Go on with the next time and the next event",
        description: "Repeating it is fine. What came due or was published while it was paused is not made up for.",
        params: schedulePath,
        body: resumeBody,
        response: { 200: scheduleBody, ...problems(400, 404, 422, 503) },
      },
    },
    async ({ params, tenant }) => scheduleBodyOf(await schedules.resume({ tenant, ...params })),
  );

  app.post(
    "/schedules/:namespace/:name/trigger",
    {
      schema: {
        tags,
        summary: "Start an execution now, also while it is paused",
        description:
          "Under the overlap policy: 409 with `skip` while an execution is open; with `buffer-one` and `cancel-running` it starts when that has ended. The next time stays as it is.",
        params: schedulePath,
        body: triggerBody,
        response: { 202: triggeredBody, ...problems(400, 404, 409, 413, 422, 503) },
      },
    },
    async ({ params, body, tenant, once }, reply) => {
      const { schedule, ...execution } = await schedules.trigger({ tenant, ...params }, body?.input, once);
      return reply
        .code(202)
        .header("location", `/api/v1/executions/${execution.executionId}`)
        .send({ ...execution, schedule: scheduleBodyOf(schedule) });
    },
  );
}

function scheduleBodyOf(view: ScheduleView): ScheduleBody {
  const { when, on, timeZone, pausedReason, since, nextAt, last, recent, buffered, definition, ...rest } = view;
  const { namespace, name, version, digest } = definition;
  return {
    ...rest,
    definition: { namespace, name, version, digest },
    ...(when === null ? {} : timesBodyOf(when)),
    ...(on === null ? {} : { on: eventsBodyOf(on) }),
    ...(timeZone === null ? {} : { timeZone }),
    ...(pausedReason === null ? {} : { pausedReason }),
    since: isoTime(since),
    ...(nextAt === null ? {} : { nextAt: isoTime(nextAt) }),
    ...(last === null ? {} : { last: firingBodyOf(last) }),
    recent: recent.map(firingBodyOf),
    ...(buffered === null ? {} : { buffered: firingBodyOf(buffered) }),
  };
}

function timesBodyOf(when: NonNullable<ScheduleView["when"]>) {
  return when.kind === "cron" ? { cron: when.pattern } : { [when.kind]: durationText(when.interval) };
}

function eventsBodyOf({ to, read, collecting }: NonNullable<ScheduleView["on"]>) {
  const shown = collecting.map(({ since, ...rest }) => ({ ...rest, since: isoTime(since) }));
  return { strategy: to, read, collecting: shown };
}

function firingBodyOf({ kind, at, workflowId, executionId, events }: NonNullable<ScheduleView["last"]>) {
  return { executionId, workflowId, kind, at: isoTime(at), ...(events === undefined ? {} : { events }) };
}
