import type { ActivityRequest } from "../engine/events.ts";
import type { Database } from "../ports/database.ts";
import type { Description, EventStore, ExecutionHead, OwedEntry } from "../ports/event-store.ts";
import type { Queues } from "../ports/queues.ts";
import type { ExecutionId } from "../values/ids.ts";
import { childOf } from "./children.ts";
import { type Listening, listeningOf } from "./listening.ts";
import type { Definitions } from "./ports.ts";
import type { StateReader } from "./state-at.ts";
import { type Surroundings, taskQueueName, waitsForWakeUp } from "./waiting-for.ts";

export interface SurroundingsPorts {
  readonly events: EventStore;
  readonly database: Database;
  readonly queues: Pick<Queues, "takers">;
  readonly partitions: number;
  /** How many processes take activities from a queue (full name), when that can be told. */
  readonly activityWorkers?: (queue: string) => Promise<number | undefined>;
  /** Absent: what an execution listens for is not told. */
  readonly definitions?: Definitions;
  readonly states: Pick<StateReader, "heard">;
}

const LOOKED_AT = 20;

/** What is known around the work an execution is owed. What cannot be told is left out: a view is answered all the same. */
export async function surroundingsOf(ports: SurroundingsPorts, description: Description): Promise<Surroundings> {
  const { events, partitions } = ports;
  const { head, owed } = description;
  const open = owed.filter((entry) => entry.kind === "activity" && !entry.answered);
  const looked = open.filter((entry) => entry.parked === null).slice(0, LOOKED_AT);
  const letterIds = [head.parked, ...open.map((entry) => entry.parked)].filter((id) => id !== null);
  const queueNames = new Set(looked.map((entry) => taskQueueName(entry.kind === "activity" ? entry.queue : undefined)));
  const listens = owed.filter(({ kind, answered }) => kind === "subscription" && !answered).slice(0, LOOKED_AT);
  const [requests, functions, workers, letters, workflowWorkers, listening] = await Promise.all([
    Promise.all(looked.map(async ({ name }) => [name, await requestOf(events, head.executionId, name)] as const)),
    looked.length === 0 ? [] : ports.database.functions().catch(() => undefined),
    Promise.all([...queueNames].map(async (name) => [name, await workersOf(ports, name)] as const)),
    Promise.all(letterIds.slice(0, LOOKED_AT).map(async (id) => [id, await events.letter(head.tenant, id)] as const)),
    waitsForWakeUp(description) ? ports.queues.takers("events").catch(() => undefined) : undefined,
    listeningIn(ports, head, listens).catch(() => new Map<number, Listening>()),
  ]);
  const children = new Map(
    owed
      .filter((entry) => entry.kind === "child")
      .map(({ name }) => [name, childOf(head, name, partitions).executionId]),
  );
  return {
    children,
    requests: known(requests),
    functions,
    workers: known(workers),
    workflowWorkers,
    letters: known(letters),
    listening,
  };
}

/** What each subscription is for, by name. */
async function listeningIn(
  { events, definitions, states }: SurroundingsPorts,
  head: ExecutionHead,
  listens: readonly OwedEntry[],
): Promise<ReadonlyMap<number, Listening>> {
  if (listens.length === 0 || definitions === undefined) return new Map();
  const [workflow, heard] = await Promise.all([
    definitions.get(head.tenant, head.definition.digest),
    states.heard(head).catch(() => undefined),
  ]);
  const entries = listens.map(async ({ name }) => {
    const page = { after: name - 1, limit: 1, order: "asc" } as const;
    const [asked] = (await events.history(head.executionId, page)) ?? [];
    const task = asked?.type === "event.subscribed" ? workflow.byKey.get(asked.data.key) : undefined;
    return [name, task?.kind === "listen" ? listeningOf(task, heard?.get(name)) : undefined] as const;
  });
  return known(await Promise.all(entries));
}

async function requestOf(
  events: EventStore,
  executionId: ExecutionId,
  name: number,
): Promise<ActivityRequest | undefined> {
  const [event] = (await events.history(executionId, { after: name - 1, limit: 1, order: "asc" })) ?? [];
  return event?.type === "task.requested" ? event.data.activity : undefined;
}

async function workersOf({ activityWorkers }: SurroundingsPorts, queue: string): Promise<number | undefined> {
  return activityWorkers?.(queue).catch(() => undefined);
}

/** The entries whose value is known. */
function known<Key, Value>(entries: readonly (readonly [Key, Value | null | undefined])[]): ReadonlyMap<Key, Value> {
  const map = new Map<Key, Value>();
  for (const [key, value] of entries) if (value !== null && value !== undefined) map.set(key, value);
  return map;
}
