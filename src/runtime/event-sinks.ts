import type { EventEnvelope } from "../values/cloud-event.ts";
import type { TenantId } from "../values/ids.ts";
import { hashOf } from "../values/ids.ts";
import type { JsonObject } from "../values/json.ts";
import type { Ports } from "./ports.ts";
import { startExecution } from "./start-execution.ts";
import { tellLists, wakeSoon } from "./tell.ts";

/** Where emitted events are sent to. */
export interface SinkSettings {
  /** What sinks are called: they outlive a change of their order. */
  readonly ids: readonly string[];
  /** After the first try. */
  readonly retries: number;
}

/** Of the executions that send events: their own lifecycle is nobody's business. */
export const SINK_NAMESPACE = "durabull";
/** The function that task workers send an event with. */
export const SEND_EVENT = "durabull.send-event";

export function sinkIdOf(url: string): string {
  return hashOf(url).slice(0, 12);
}

/**
 * To send an event is a workflow like any other: it survives crashes, is retried with back-off, and ends as a dead letter that can be
 * redriven. Called before the emitter is settled, so that none is forgotten; an event is sent to a sink by one execution only.
 *
 * @param origin name of the `event.emitted`.
 */
export async function startSinks(ports: Ports, tenant: TenantId, origin: string, event: EventEnvelope): Promise<void> {
  const { ids, retries } = ports.settings.sinks;
  for (const sink of ids) {
    const document = sinkDocument(retries);
    const id = hashOf("sink", sink, origin).slice(0, 32);
    const started = await startExecution(
      {
        ...{ events: ports.events, database: ports.database, partitions: ports.settings.partitions },
        ...{ defaultTimeoutMs: 0, now: Date.now, ensureTenant: (name) => ports.database.ensureTenant(name) },
      },
      {
        tenant,
        workflowId: `event-${origin}-to-${sink}`,
        once: { id, outcome: null, note: async () => undefined },
        definition: { document, source: JSON.stringify(document) },
        input: { sink, event },
        labels: { "durabull/sink": sink, "durabull/event": origin },
        onOpen: "use-existing",
        reuse: "never",
      },
    );
    if (started.result !== "created") continue;
    await Promise.all([wakeSoon(ports, started.head, "execution.started"), tellLists(ports, started.head)]);
  }
}

function sinkDocument(retries: number): JsonObject {
  return {
    document: { dsl: "1.0.3", namespace: SINK_NAMESPACE, name: "send-event", version: "1.0.0" },
    do: [
      {
        send: {
          try: [{ post: { call: SEND_EVENT, with: { sink: "${ .sink }", event: "${ .event }" } } }],
          catch: {
            retry: {
              delay: { seconds: 1 },
              backoff: { exponential: {} },
              jitter: { from: { milliseconds: 0 }, to: { seconds: 1 } },
              limit: { attempt: { count: retries } },
            },
          },
        },
      },
    ],
  };
}
