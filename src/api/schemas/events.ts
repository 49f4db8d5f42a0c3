import { z } from "zod";
import { isEventPosition } from "../../runtime/event-feed.ts";
import { type EventEnvelope, eventFault, isOwnEventType } from "../../values/cloud-event.ts";
import { isJsonObject, type Json } from "../../values/json.ts";
import { oneOrMore } from "./common.ts";

/** Events of one request. */
export const MOST_EVENTS = 1_000;

/** One CloudEvent or a list of them, as they are: nothing is added, and nothing left out. */
export const eventsBody = z
  .custom<EventEnvelope | readonly EventEnvelope[]>()
  .superRefine((given: unknown, context) => {
    const isBatch = Array.isArray(given);
    const events: readonly Json[] = isBatch ? given : [given as Json];
    if (events.length > MOST_EVENTS) {
      context.addIssue({
        code: "custom",
        message: `expected at most ${MOST_EVENTS} events, these are ${events.length}`,
      });
      return;
    }
    for (const [index, event] of events.entries()) {
      const fault = eventFault(event) ?? ownType(event);
      if (fault === undefined) continue;
      const path = [...(isBatch ? [index] : []), ...(fault.member === undefined ? [] : [fault.member])];
      context.addIssue({ code: "custom", path, message: fault.message });
    }
  })
  .meta({
    description: "A CloudEvent 1.0 in its JSON format, or a list of at most 1,000; in binary mode the data alone",
    anyOf: [
      { type: "object", required: ["specversion", "id", "source", "type"] },
      { type: "array", items: { type: "object", required: ["specversion", "id", "source", "type"] } },
    ],
  });

function ownType(event: Json) {
  if (!isJsonObject(event) || typeof event.type !== "string" || !isOwnEventType(event.type)) return undefined;
  return { member: "type", message: 'types that begin with "io.flunq." are those of histories' };
}

export const acceptedBody = z
  .object({ accepted: z.number().int().meta({ description: "Events that are kept now" }) })
  .meta({ id: "AcceptedEvents" });
export type AcceptedBody = z.output<typeof acceptedBody>;

export const eventStreamQuery = z.strictObject({
  after: z
    .string()
    .refine(isEventPosition, "expected a position that this stream gave")
    .exactOptional()
    .meta({ description: "Go on after this `id`; default: what comes from now on. 0-0: all that is kept" }),
  type: oneOrMore
    .exactOptional()
    .meta({ description: "Only these types; one that ends with `*` stands for all that begin so. May be repeated" }),
});
