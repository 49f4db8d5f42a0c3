import type { FastifyReply } from "fastify";
import { InvalidDefinitionError } from "../../errors.ts";
import type { ExecutionFilter, ExecutionSummary } from "../../ports/database.ts";
import type { Tracing } from "../../ports/tracing.ts";
import type { DefinitionService } from "../../runtime/definitions.ts";
import type { ExecutionService, ExecutionStateView, ExecutionView, Started } from "../../runtime/service.ts";
import type { DefinitionChoice } from "../../runtime/start-execution.ts";
import { TASKS_FROM_THE_BEGINNING, type TaskEntry, type TaskListStart } from "../../runtime/task-list.ts";
import type { JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { type TraceContext, traceContextOf } from "../../values/trace-context.ts";
import { cloudEvent } from "../cloud-event.ts";
import { decodeCursor, encodeCursor } from "../cursor.ts";
import type { HttpApp } from "../http-app.ts";
import { problemAnswer } from "../problems.ts";
import { invalidRequest } from "../request-errors.ts";
import { pageQuery, problems } from "../schemas/common.ts";
import {
  actionBody,
  type ExecutionBody,
  type ExecutionSummaryBody,
  eventList,
  executionBody,
  executionList,
  executionListQuery,
  executionPath,
  executionQuery,
  historyQuery,
  type StateBody,
  startBody,
  startedBody,
  startQuery,
  stateBody,
  stateQuery,
  type TaskBody,
  taskList,
} from "../schemas/executions.ts";

const tags = ["executions"];

export function executionRoutes(
  app: HttpApp,
  {
    executions,
    definitions,
    tracing,
  }: { readonly executions: ExecutionService; readonly definitions: DefinitionService; readonly tracing?: Tracing },
): void {
  app.post(
    "/executions",
    {
      schema: {
        tags,
        summary: "Start an execution",
        description: "A 2xx is durable at the level /readyz names. The status never depends on the outcome.",
        querystring: startQuery,
        body: startBody,
        response: { 200: startedBody, 201: startedBody, ...problems(400, 404, 409, 413, 415, 422, 429, 503) },
      },
    },
    async (request, reply) => {
      const { body, query, tenant } = request;
      const { definition, document, ...rest } = body;
      const choice = definition ?? (await checkedDocument(definitions, document ?? {}, query.allowUnknown));
      const once = request.once === undefined ? {} : { once: request.once };
      const started = await startSpan(request.headers, tracing, (trace) =>
        executions.start({ ...rest, tenant, ...once, definition: choice, ...(trace === undefined ? {} : { trace }) }),
      );
      if (started.result === "refused") return refuse(started, request, reply);
      const { executionId } = started.head;
      if (query.wait !== undefined) await executions.waitForEnd(executionId, query.wait, gone(reply));
      const view = await executions.view(tenant, executionId);
      const created = started.result === "created";
      return reply
        .code(created ? 201 : 200)
        .header("location", `/api/v1/executions/${executionId}`)
        .send({ ...executionBodyOf(view), created });
    },
  );

  /** The problem also shows the execution that is in the way. */
  async function refuse(
    { head, error }: Extract<Started, { result: "refused" }>,
    request: { readonly id: string; readonly url: string; readonly tenant: string },
    reply: FastifyReply,
  ) {
    const { body } = problemAnswer(error, { id: request.id, path: request.url.split("?")[0] ?? "" });
    const execution = { ...executionBodyOf(await executions.view(request.tenant, head.executionId)), created: false };
    return reply
      .code(409)
      .type("application/problem+json")
      .send({ ...body, execution });
  }

  app.get(
    "/executions",
    {
      schema: {
        tags,
        summary: "List executions, newest first",
        querystring: executionListQuery,
        response: { 200: executionList, ...problems(400, 503) },
      },
    },
    async ({ query, tenant }) => {
      const { limit, cursor, label, ...rest } = query;
      const filter: ExecutionFilter = { ...rest, ...(label === undefined ? {} : { labels: label }) };
      const scope = ["executions", tenant, JSON.stringify(filter)];
      const place = cursor === undefined ? {} : { cursor: String(decodeCursor(scope, cursor)) };
      const { items, nextCursor } = await executions.list(tenant, filter, { limit, ...place });
      return {
        items: items.map(summaryBodyOf),
        ...(nextCursor === undefined ? {} : { nextCursor: encodeCursor(scope, nextCursor) }),
      };
    },
  );

  app.get(
    "/executions/:executionId",
    {
      schema: {
        tags,
        summary: "Look at one execution",
        params: executionPath,
        querystring: executionQuery,
        response: { 200: executionBody, ...problems(400, 404, 503) },
      },
    },
    async ({ params, query, tenant }, reply) => {
      const first = await executions.view(tenant, params.executionId);
      if (query.wait === undefined || first.endedAt !== undefined) return executionBodyOf(first);
      await executions.waitForEnd(params.executionId, query.wait, gone(reply));
      return executionBodyOf(await executions.view(tenant, params.executionId));
    },
  );

  app.get(
    "/executions/:executionId/history",
    {
      schema: {
        tags,
        summary: "The events of an execution, as CloudEvents",
        params: executionPath,
        querystring: historyQuery,
        response: { 200: eventList, ...problems(400, 404, 503) },
      },
    },
    async ({ params, query, tenant }) => {
      const { limit, cursor, order = "asc" } = query;
      if (cursor !== undefined && query.after !== undefined) {
        throw invalidRequest("/query/after", '"after" and "cursor" exclude each other');
      }
      const scope = ["history", tenant, params.executionId, order];
      const after = cursor === undefined ? (query.after ?? 0) : Number(decodeCursor(scope, cursor));
      const { head, events } = await executions.history(tenant, params.executionId, { after, limit, order });
      const last = events.at(-1)?.sequence;
      const isMore = last !== undefined && events.length === limit && last !== (order === "asc" ? head.version : 1);
      return {
        items: events.map((event) => cloudEvent(event, head)),
        ...(isMore ? { nextCursor: encodeCursor(scope, last) } : {}),
      };
    },
  );

  app.get(
    "/executions/:executionId/tasks",
    {
      schema: {
        tags,
        summary: "The runs of its tasks, in the order they began",
        params: executionPath,
        querystring: pageQuery,
        response: { 200: taskList, ...problems(400, 404, 503) },
      },
    },
    async ({ params, query, tenant }) => {
      const scope = ["tasks", tenant, params.executionId];
      const start =
        query.cursor === undefined
          ? TASKS_FROM_THE_BEGINNING
          : (decodeCursor(scope, query.cursor) as unknown as TaskListStart);
      const { items, next } = await executions.tasks(tenant, params.executionId, start, query.limit);
      return {
        items: items.map(taskBodyOf),
        ...(next === undefined ? {} : { nextCursor: encodeCursor(scope, { ...next }) }),
      };
    },
  );

  app.get(
    "/executions/:executionId/state",
    {
      schema: {
        tags,
        summary: "How an execution was after one of its events",
        description: "Status, context, open tasks and output, as the history up to that event tells them.",
        params: executionPath,
        querystring: stateQuery,
        response: { 200: stateBody, ...problems(400, 404, 503) },
      },
    },
    async ({ params, query, tenant }) => {
      const state = await executions.stateAt(tenant, params.executionId, query.at).catch((error: unknown) => {
        throw error instanceof RangeError ? invalidRequest("/query/at", error.message) : error;
      });
      return stateBodyOf(state);
    },
  );

  const actions = {
    cancel: "End it: running activities are aborted, timers dropped",
    terminate: "End it without running the engine",
    pause: "Decide nothing more until it is resumed",
    resume: "Go on after a pause",
  } as const;
  for (const action of ["cancel", "terminate", "pause", "resume"] as const) {
    app.post(
      `/executions/:executionId/${action}`,
      {
        schema: {
          tags,
          summary: actions[action],
          description: "Repeating it is fine; 409 once the execution has ended.",
          params: executionPath,
          body: actionBody,
          response: { 202: executionBody, ...problems(400, 404, 409, 422, 429, 503) },
        },
      },
      async ({ params, body, tenant, once }, reply) => {
        await executions[action](tenant, params.executionId, body?.reason, once);
        return reply.code(202).send(executionBodyOf(await executions.view(tenant, params.executionId)));
      },
    );
  }
}

/** The start as a span of the caller's trace; without tracing, the caller's trace as it is. */
function startSpan<T>(
  headers: Readonly<Record<string, unknown>>,
  tracing: Tracing | undefined,
  start: (trace: TraceContext | undefined) => Promise<T>,
): Promise<T> {
  const parent = traceContextOf(headers.traceparent, headers.tracestate);
  if (tracing === undefined) return start(parent);
  return tracing.span({ name: "POST /api/v1/executions", kind: "server", parent }, (span) => start(span.context));
}

async function checkedDocument(
  definitions: DefinitionService,
  document: JsonObject | string,
  allowUnknown: boolean,
): Promise<DefinitionChoice> {
  const checked = await definitions.check(document, { allowUnknown });
  if (!checked.valid) {
    throw new InvalidDefinitionError(
      checked.issues.map((issue) => ({ ...issue, pointer: pointerOf("", "document") + issue.pointer })),
    );
  }
  const source = typeof document === "string" ? document : JSON.stringify(document, null, 2);
  return { document: checked.workflow.document, source };
}

/** Aborts when the caller has gone: nobody waits for the answer. */
function gone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => controller.abort());
  return controller.signal;
}

export function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

function executionBodyOf(view: ExecutionView): ExecutionBody {
  const { startedAt, endedAt, waitingFor, definition, ...rest } = view;
  const { namespace, name, version, digest } = definition;
  return {
    ...rest,
    definition: { namespace, name, version, digest },
    startedAt: isoTime(startedAt),
    ...(endedAt === undefined ? {} : { endedAt: isoTime(endedAt) }),
    waitingFor: waitingFor.map(({ since, until, ...reason }) => ({
      ...reason,
      since: isoTime(since),
      ...(until === undefined ? {} : { until: isoTime(until) }),
    })),
  };
}

export function summaryBodyOf(summary: ExecutionSummary): ExecutionSummaryBody {
  const { startedAt, endedAt, version, ...rest } = summary;
  return {
    ...rest,
    startedAt: isoTime(startedAt),
    ...(endedAt === null ? {} : { endedAt: isoTime(endedAt) }),
    historyLength: version,
  };
}

function stateBodyOf({ head, time, tasks, ...state }: ExecutionStateView): StateBody {
  const { executionId, workflowId, tenant, definition, version } = head;
  const { namespace, name, digest } = definition;
  return {
    executionId,
    workflowId,
    tenant,
    definition: { namespace, name, version: definition.version, digest },
    ...state,
    historyLength: version,
    time: isoTime(time),
    tasks: tasks.map(({ startedAt, until, ...task }) => ({
      ...task,
      startedAt: isoTime(startedAt),
      ...(until === undefined ? {} : { until: isoTime(until) }),
    })),
  };
}

function taskBodyOf({ frame: _frame, startedAt, endedAt, ...entry }: TaskEntry): TaskBody {
  return {
    ...entry,
    startedAt: isoTime(startedAt),
    ...(endedAt === undefined ? {} : { endedAt: isoTime(endedAt) }),
  };
}
