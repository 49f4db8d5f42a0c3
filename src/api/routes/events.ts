import { z } from "zod";
import type { EventFeedItem } from "../../runtime/event-feed.ts";
import { isEventPosition } from "../../runtime/event-feed.ts";
import type { EventService } from "../../runtime/event-service.ts";
import type { EventEnvelope } from "../../values/cloud-event.ts";
import { EVENT_STREAM, type EventStreams, eventText } from "../event-stream.ts";
import type { HttpApp } from "../http-app.ts";
import { EVENT_TYPES, takeEventBodies } from "../plugins/event-bodies.ts";
import { invalidRequest } from "../request-errors.ts";
import { problems } from "../schemas/common.ts";
import { acceptedBody, eventStreamQuery, eventsBody } from "../schemas/events.ts";

interface Deps {
  readonly eventService: EventService;
  readonly streams: EventStreams;
}

const tags = ["events"];
const eventStream = z.string().meta({ description: "Server-sent events" });

export async function eventRoutes(app: HttpApp, deps: Deps): Promise<void> {
  streamRoute(app, deps);
  await app.register(async (bodies: HttpApp) => {
    takeEventBodies(bodies);
    publishRoute(bodies, deps.eventService);
  });
}

function publishRoute(app: HttpApp, events: EventService): void {
  app.post(
    "/events",
    {
      schema: {
        tags,
        consumes: EVENT_TYPES,
        summary: "Publish events to the workflows that listen for them",
        description:
          "CloudEvents 1.0 over HTTP: structured (`application/cloudevents+json`), batched (`application/cloudevents-batch+json`), or binary " +
          "(the data as the body, the attributes in `ce-` headers). 202 says that all of them are kept. An event that comes twice, same " +
          "`source` and `id`, counts once for each listener.",
        body: eventsBody,
        response: { 202: acceptedBody, ...problems(400, 413, 415, 422, 503) },
      },
    },
    async (request, reply) => {
      const { body, tenant, once, rawEventData } = request;
      const given = [body].flat() as readonly EventEnvelope[];
      const isAsMade = rawEventData === undefined || rawEventData === JSON.stringify(given[0]?.data);
      const raw = isAsMade ? {} : { raw: rawEventData };
      await events.publish(
        tenant,
        given.map((event) => ({ event, ...raw })),
        once,
      );
      return reply.code(202).send({ accepted: given.length });
    },
  );
}

function streamRoute(app: HttpApp, { eventService, streams }: Deps): void {
  app.get(
    "/events/stream",
    {
      config: { produces: [EVENT_STREAM, "application/problem+json"] },
      schema: {
        tags,
        produces: [EVENT_STREAM],
        summary: "Follow the events of the tenant: published, emitted by workflows, and of their lifecycle",
        description:
          "Server-sent events: `event` is the type, `data` one CloudEvent, `id` a position. `Last-Event-ID` goes on after one. The comment " +
          "`ready <position>` says from where on all is told; `reset <position>` that some of what was published before is not kept any " +
          "more (`EVENT_RETENTION`, `LIFECYCLE_EVENTS_KEPT`).",
        querystring: eventStreamQuery,
        response: { 200: eventStream, ...problems(400, 406, 503) },
      },
    },
    async (request, reply) => {
      const { query, tenant, headers } = request;
      const after = positionOf(headers["last-event-id"]) ?? query.after;
      const filter = query.type === undefined ? {} : { types: query.type };
      await streams.serve(request, reply, async (signal) => blocks(eventService.follow(tenant, filter, after, signal)));
      return reply;
    },
  );
}

/** `ready` and `reset` are no events: their places go along all the same, for who connects again. */
async function* blocks(items: AsyncIterable<EventFeedItem>): AsyncGenerator<string, void, undefined> {
  for await (const item of items) {
    if (item.kind === "event") yield eventText(item.position, item.event.type, item.event);
    else yield `: ${item.kind} ${item.position}\nid: ${item.position}\n\n`;
  }
}

function positionOf(header: string | readonly string[] | undefined) {
  if (header === undefined || header === "") return undefined;
  if (typeof header === "string" && isEventPosition(header)) return header;
  throw invalidRequest("/headers/last-event-id", "expected a position that this stream gave");
}
