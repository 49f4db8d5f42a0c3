import type { HistoryEvent } from "../engine/events.ts";
import { type ExecutionState, fold } from "../engine/index.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { EventChannel, EventLog, EventsKept, NewPublishedEvent } from "../ports/event-log.ts";
import type { ExecutionHead } from "../ports/event-store.ts";
import type { TenantId } from "../values/ids.ts";
import { indexKeys } from "./event-index.ts";
import { SINK_NAMESPACE, startSinks } from "./event-sinks.ts";
import { lifecycleEvents, lifecycleOfTask, type OpenTask, openTasksIn, tellsOpenTasks } from "./lifecycle-events.ts";
import type { Ports } from "./ports.ts";
import { createStateReader } from "./state-at.ts";

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
 * @param before the state that `known` follows, where it is at hand.
 */
export async function publishHistory(
  ports: Ports,
  head: ExecutionHead,
  after: number,
  known: readonly HistoryEvent[],
  before?: ExecutionState,
): Promise<void> {
  if (after >= head.version) return;
  const first = known[0]?.sequence ?? head.version + 1;
  for (let from = after; from < first - 1; ) {
    const limit = Math.min(PAGE, first - 1 - from);
    const page = (await ports.events.history(head.executionId, { after: from, limit, order: "asc" })) ?? [];
    const last = page.at(-1);
    if (last === undefined) break;
    await publishAll(ports, head, page, await openTasks(ports, head, page));
    from = last.sequence;
  }
  const rest = known.filter(({ sequence }) => sequence > after);
  await publishAll(ports, head, rest, await openTasks(ports, head, rest, before));
}

/**
 * What is open when an execution is suspended, resumed or cancelled, by sequence. Told from the state before that, whoever publishes and
 * however late: after the crash of whoever committed, the state at hand is that of the end, in which a cancelled execution has no tasks.
 *
 * @param before a state, which counts when it is the one that `events` follow.
 */
async function openTasks(
  ports: Ports,
  head: ExecutionHead,
  events: readonly HistoryEvent[],
  before?: ExecutionState,
): Promise<ReadonlyMap<number, readonly OpenTask[]>> {
  const open = new Map<number, readonly OpenTask[]>();
  const [first] = events;
  if (first === undefined || ports.settings.lifecycle !== "all" || !events.some(tellsOpenTasks)) return open;
  try {
    let state: ExecutionState | null = before?.version === first.sequence - 1 ? before : null;
    if (state === null && first.sequence > 1) {
      state = await createStateReader(ports.events).state(head, first.sequence - 1);
    }
    for (const event of events) {
      if (state !== null && tellsOpenTasks(event)) open.set(event.sequence, openTasksIn(state));
      state = fold([event], state);
    }
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw error;
    // It was terminated because its history cannot be folded, most likely.
    const { executionId, tenant, workflowId } = head;
    ports.log.warn({ tenant, workflowId, executionId, err: error }, "tasks that were open cannot be told");
  }
  return open;
}

async function publishAll(
  ports: Ports,
  head: ExecutionHead,
  history: readonly HistoryEvent[],
  open: ReadonlyMap<number, readonly OpenTask[]>,
): Promise<void> {
  const emitted = history.flatMap((event): readonly NewPublishedEvent[] => {
    if (event.type !== "event.emitted") return [];
    const origin = `${head.executionId}.${event.sequence}`;
    return [{ record: { event: event.data.event, origin }, keys: indexKeys(event.data.event), once: origin }];
  });
  const choice = head.definition.namespace === SINK_NAMESPACE ? "off" : ports.settings.lifecycle;
  const lifecycle =
    choice === "off" ? [] : history.flatMap((event) => lifecycleEvents(event, head, open.get(event.sequence)));
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
