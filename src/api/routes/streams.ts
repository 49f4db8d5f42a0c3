import { z } from "zod";
import type { ExecutionFilter } from "../../ports/database.ts";
import type { FeedItem } from "../../runtime/change-feed.ts";
import type { ExecutionService, FollowedHistory } from "../../runtime/service.ts";
import { isChangePosition } from "../../values/change-position.ts";
import { cloudEvent } from "../cloud-event.ts";
import { EVENT_STREAM, type EventStreams, eventText } from "../event-stream.ts";
import type { HttpApp } from "../http-app.ts";
import { invalidRequest } from "../request-errors.ts";
import { problems } from "../schemas/common.ts";
import { changesQuery, executionPath, streamQuery } from "../schemas/executions.ts";
import { summaryBodyOf } from "./executions.ts";

interface Deps {
  readonly executions: ExecutionService;
  readonly streams: EventStreams;
  /** Between two words of a place that has moved on, where nothing fitted. */
  readonly heartbeatMs: number;
}

const produces = [EVENT_STREAM, "application/problem+json"];
const eventStream = z.string().meta({ description: "Server-sent events" });
const nothingMore = z.null().meta({ description: "It has ended, and all of it was seen: do not connect again" });

export function streamRoutes(app: HttpApp, { executions, streams, heartbeatMs }: Deps): void {
  app.get(
    "/executions/:executionId/stream",
    {
      config: { produces },
      schema: {
        tags: ["executions"],
        produces: [EVENT_STREAM],
        summary: "Follow one execution: every event of its history, as it comes",
        description:
          "Server-sent events: `id` is the sequence, `event` the type of the CloudEvent, `data` the CloudEvent. Goes on after `Last-Event-ID`. " +
          "Ends with the event that closes the execution; connecting again after that gives 204. Comments are signs of life. A reader that " +
          "takes nothing is cut, and may go on where it was.",
        params: executionPath,
        querystring: streamQuery,
        response: { 200: eventStream, 204: nothingMore, ...problems(400, 404, 406, 503) },
      },
    },
    async (request, reply) => {
      const { params, query, tenant, headers } = request;
      const after = sequenceOf(headers["last-event-id"]) ?? query.after ?? 0;
      const pointer = headers["last-event-id"] === undefined ? "/query/after" : "/headers/last-event-id";
      await streams.serve(request, reply, async (signal) => {
        const followed = await executions
          .followHistory(tenant, params.executionId, after, signal)
          .catch((error: unknown) => {
            throw error instanceof RangeError ? invalidRequest(pointer, error.message) : error;
          });
        return followed.isOver ? undefined : eventBlocks(followed);
      });
      return reply;
    },
  );

  app.get(
    "/executions/stream",
    {
      config: { produces },
      schema: {
        tags: ["executions"],
        produces: [EVENT_STREAM],
        summary: "Follow the statuses of executions, with the filters of the list",
        description:
          "Server-sent events. First `ready` (or `reset`), whose `id` is a position: every change after it is told, so list the executions " +
          "after it. Then `status` for each change that fits, with the execution as in the list. `position` is told now and then while " +
          "nothing fits. `Last-Event-ID` goes on from a position. Of each tenant the last `CHANGES_KEPT` changes are kept: whoever falls " +
          "further behind is told `reset`: list the executions again; what follows is told from there.",
        querystring: changesQuery,
        response: { 200: eventStream, ...problems(400, 406, 503) },
      },
    },
    async (request, reply) => {
      const { query, tenant, headers } = request;
      const { after: given, label, ...rest } = query;
      const filter: ExecutionFilter = { ...rest, ...(label === undefined ? {} : { labels: label }) };
      const after = positionOf(headers["last-event-id"]) ?? given;
      await streams.serve(request, reply, async (signal) =>
        changeBlocks(await begun(executions.followChanges(tenant, filter, after, signal)), heartbeatMs),
      );
      return reply;
    },
  );
}

async function* eventBlocks({ head, pages }: FollowedHistory): AsyncGenerator<string, void, undefined> {
  for await (const page of pages) {
    for (const event of page) {
      const data = cloudEvent(event, head);
      yield eventText(data.sequence, data.type, data);
    }
  }
}

/** Has the first item read, so that what is wrong with it is still a problem and not a stream cut short. */
async function begun<Item>(items: AsyncGenerator<Item, void, undefined>): Promise<AsyncIterable<Item>> {
  const first = await items.next();
  return (async function* () {
    try {
      if (first.done) return;
      yield first.value;
      yield* items;
    } finally {
      await items.return();
    }
  })();
}

async function* changeBlocks(
  items: AsyncIterable<FeedItem>,
  heartbeatMs: number,
): AsyncGenerator<string, void, undefined> {
  let saidAt = performance.now();
  for await (const item of items) {
    const { position } = item;
    if (item.kind === "passed" && performance.now() - saidAt < heartbeatMs) continue;
    saidAt = performance.now();
    if (item.kind === "change") yield eventText(position, "status", summaryBodyOf(item.summary));
    else yield eventText(position, item.kind === "passed" ? "position" : item.kind, { position });
  }
}

function sequenceOf(header: string | readonly string[] | undefined): number | undefined {
  if (header === undefined || header === "") return undefined;
  if (typeof header === "string" && /^\d{1,15}$/.test(header)) return Number(header);
  throw invalidRequest("/headers/last-event-id", "expected the sequence of an event");
}

function positionOf(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined || header === "") return undefined;
  if (typeof header === "string" && isChangePosition(header)) return header;
  throw invalidRequest("/headers/last-event-id", "expected a position that this stream gave");
}
