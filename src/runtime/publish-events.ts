import type { HistoryEvent } from "../engine/events.ts";
import { type ExecutionState, fold } from "../engine/index.ts";
import type { EventChannel, EventLog, EventsKept, NewPublishedEvent } from "../ports/event-log.ts";
import type { ExecutionHead } from "../ports/event-store.ts";
import type { TenantId } from "../values/ids.ts";
import { indexKeys } from "./event-index.ts";
import { SINK_NAMESPACE, startSinks } from "./event-sinks.ts";
import { lifecycleEvents, lifecycleOfTask } from "./lifecycle-events.ts";
import type { Ports } from "./ports.ts";

/** Events of a history read at once. */
const PAGE = 1_000;
/** Events written in one step. */
const MOST_AT_ONCE = 500;

/** Which lifecycle events are published. */
export type LifecycleChoice = "all" | "workflow" | "off";

/** Writes published events; what comes while a write is under way goes with the next one, so that many executions share few writes. */
export interface Publisher {
  /** Resolves once they are kept. */
  publish(tenant: TenantId, channel: EventChannel, events: readonly NewPublishedEvent[]): Promise<void>;
}

export function createPublisher(database: Pick<EventLog, "publishEvents">, kept: EventsKept): Publisher {
  interface Waiting {
    readonly events: readonly NewPublishedEvent[];
    readonly done: () => void;
    readonly failed: (error: unknown) => void;
  }
  const waiting = new Map<string, Waiting[]>();
  const writing = new Set<string>();

  async function write(tenant: TenantId, channel: EventChannel, place: string): Promise<void> {
    writing.add(place);
    for (let queue = waiting.get(place); queue !== undefined; queue = waiting.get(place)) {
      const batch: Waiting[] = [];
      let size = 0;
      while (queue.length > 0 && size < MOST_AT_ONCE) {
        const next = queue.shift();
        if (next === undefined) break;
        batch.push(next);
        size += next.events.length;
      }
      if (queue.length === 0) waiting.delete(place);
      const events = batch.flatMap((each) => each.events);
      try {
        await database.publishEvents(tenant, channel, events, kept);
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    writing.delete(place);
  }

  return {
    publish(tenant, channel, events) {
      if (events.length === 0) return Promise.resolve();
      return new Promise((done, failed) => {
        const place = `${channel} ${tenant}`;
        const queue = waiting.get(place) ?? [];
        queue.push({ events, done, failed });
        waiting.set(place, queue);
        if (!writing.has(place)) void write(tenant, channel, place);
      });
    },
  };
}

/**
 * Publishes what the events of a history say outward: what `emit` tasks emit, and the lifecycle events of the DSL. Repeatable; whoever
 * settles has done it.
 *
 * @param after of the events up to this one that was done before.
 * @param known events that are at hand, the last ones.
 * @param before the state that `known` follows, where it is at hand: what a cancellation found open.
 */
export async function publishHistory(
  ports: Ports,
  head: ExecutionHead,
  after: number,
  known: readonly HistoryEvent[],
  state: ExecutionState,
  before?: ExecutionState,
): Promise<void> {
  if (after >= head.version) return;
  const first = known[0]?.sequence ?? head.version + 1;
  for (let from = after; from < first - 1; ) {
    const limit = Math.min(PAGE, first - 1 - from);
    const page = (await ports.events.history(head.executionId, { after: from, limit, order: "asc" })) ?? [];
    if (page.length === 0) break;
    await publishAll(ports, head, page, state);
    from += page.length;
  }
  await publishAll(
    ports,
    head,
    known.filter(({ sequence }) => sequence > after),
    before === undefined ? state : openAtCancel(before, known, state),
  );
}

/** A cancelled state has no tasks any more: the last one that had, or the state itself when nobody cancelled. */
function openAtCancel(before: ExecutionState, known: readonly HistoryEvent[], state: ExecutionState): ExecutionState {
  const end = known.findIndex(({ type }) => type === "execution.cancelled");
  return end < 0 ? state : fold(known.slice(0, end), before);
}

async function publishAll(
  ports: Ports,
  head: ExecutionHead,
  history: readonly HistoryEvent[],
  state: ExecutionState,
): Promise<void> {
  const emitted = history.flatMap((event): readonly NewPublishedEvent[] => {
    if (event.type !== "event.emitted") return [];
    const origin = `${head.executionId}.${event.sequence}`;
    return [{ record: { event: event.data.event, origin }, keys: indexKeys(event.data.event), once: origin }];
  });
  const choice = head.definition.namespace === SINK_NAMESPACE ? "off" : ports.settings.lifecycle;
  const lifecycle = choice === "off" ? [] : history.flatMap((event) => lifecycleEvents(event, head, state));
  const wanted = choice === "all" ? lifecycle : lifecycle.filter((event) => !lifecycleOfTask(event));
  await Promise.all([
    ports.publisher.publish(head.tenant, "event", emitted),
    ports.publisher.publish(
      head.tenant,
      "lifecycle",
      wanted.map((event) => ({ record: { event }, keys: [] })),
    ),
  ]);
  if (emitted.length > 0) {
    await ports.failpoints.hit("after-publish");
    ports.metrics.published(emitted.length);
    ports.delivery.soon(head.tenant);
    for (const { record, once = "" } of emitted) await startSinks(ports, head.tenant, once, record.event);
  }
}
