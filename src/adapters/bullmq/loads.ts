import type { Queue } from "bullmq";
import type { QueueLoad, Queues } from "../../ports/queues.ts";
import { ask } from "./deadline.ts";
import { loadNameOf, taskQueue, taskQueueOfLoadName } from "./names.ts";
import type { QueueServer } from "./queue-server.ts";

export interface LoadDependencies {
  readonly server: QueueServer;
  readonly lanes: readonly Queue[];
  readonly timers: Queue;
  /** Opens a queue, or gives the open one. */
  readonly queue: (name: string) => Queue;
  readonly isOpen: (name: string) => boolean;
}

/** A client of a managed Redis that answers no CLIENT LIST, as BullMQ reports it. */
const NOT_TOLD = "GCP does not support client list";

/** What an autoscaler asks: how much waits, and whether anybody is there to take it. */
export function loads({
  server,
  lanes,
  timers,
  queue,
  isOpen,
}: LoadDependencies): Pick<Queues, "load" | "loadNames" | "takers"> {
  async function queuesOf(name: string): Promise<readonly Queue[] | null> {
    if (name === "events") return lanes;
    if (name === "timers") return [timers];
    if (name === "tasks") return [queue(taskQueue(undefined))];
    const candidates = taskQueueOfLoadName(name);
    const open = candidates.find(isOpen);
    if (open !== undefined) return [queue(open)];
    const known = candidates.length === 0 ? [] : await ask(() => server.taskQueues());
    const found = candidates.find((candidate) => known.includes(candidate));
    return found === undefined ? null : [queue(found)];
  }

  return {
    async load(name) {
      const found = await queuesOf(name);
      return found && together(await Promise.all(found.map((each) => ask(() => server.load(each)))));
    },
    async loadNames() {
      const named = await ask(() => server.taskQueues());
      return ["events", "timers", "tasks", ...named.map(loadNameOf).sort()];
    },
    async takers(name) {
      const counts = await Promise.all(((await queuesOf(name)) ?? []).map(takersOf));
      return counts.includes(undefined)
        ? undefined
        : counts.reduce<number>((most, each) => Math.max(most, each ?? 0), 0);
    },
  };
}

async function takersOf(queue: Queue): Promise<number | undefined> {
  const workers = await ask(() => queue.getWorkers());
  return workers.some(({ name }) => name === NOT_TOLD) ? undefined : workers.length;
}

function together(parts: readonly QueueLoad[]): QueueLoad {
  const sum = (of: (part: QueueLoad) => number) => parts.reduce((total, part) => total + of(part), 0);
  return {
    waiting: sum(({ waiting }) => waiting),
    due: sum(({ due }) => due),
    active: sum(({ active }) => active),
    oldestAgeMs: Math.max(0, ...parts.map(({ oldestAgeMs }) => oldestAgeMs)),
  };
}
