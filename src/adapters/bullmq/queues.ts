import type { Queue } from "bullmq";
import { bullmqConfig } from "../../../bullmq.config.ts";
import type { ConsumeOptions, Consumer, Queues } from "../../ports/queues.ts";
import { type ConsumerDependencies, consume, type RunJob, together } from "./consumer.ts";
import { deadLetters, runDeadLetter } from "./dead-letters.ts";
import { ask } from "./deadline.ts";
import { errorLog, type Log } from "./error-log.ts";
import { freeAbandoned } from "./holders.ts";
import { liveness } from "./liveness.ts";
import { loads } from "./loads.ts";
import { type QueueKind, taskQueue, wakeQueues } from "./names.ts";
import { type PostgresTarget, postgresServer } from "./postgres-server.ts";
import type { QueueServer } from "./queue-server.ts";
import { redisServer } from "./redis-server.ts";
import { runWake, wakes } from "./wakes.ts";
import { runActivity, runTimer, work } from "./work.ts";

export interface BullmqQueuesOptions {
  readonly connection:
    | { readonly kind: "redis"; readonly url: string }
    | ({ readonly kind: "postgres" } & PostgresTarget);
  /** First part of all keys in Redis; names the schema in PostgreSQL unless the connection does. */
  readonly prefix: string;
  /** Queues the wake-ups are spread over, by tenant; from 1. */
  readonly lanes: number;
  readonly log: Log;
  /** A job is run again because its earlier holder died or stalled. */
  readonly onRedelivered?: (queue: string) => void;
}

export interface BullmqQueues extends Queues {
  /** For a dashboard: all queues known in this process. */
  boardQueues(): readonly Queue[];
  /** PostgreSQL connections that this object and its consumers may hold open at once; 0 on Redis. */
  connections(): number;
}

/** Opens nothing by itself that could fail: a server that is away is waited for (consumers) or refused (everything else). */
export function createBullmqQueues(options: BullmqQueuesOptions): BullmqQueues {
  if (!Number.isInteger(options.lanes) || options.lanes < 1)
    throw new RangeError("lanes must be a whole number from 1");
  const report = errorLog(options.log);
  const server = serverOf(options.connection, { prefix: options.prefix, report });
  const open = new Map<string, Queue>();
  const remembered = new Set<string>();
  const consumers = new Set<Consumer>();
  const dependencies: ConsumerDependencies = {
    server,
    report,
    onRedelivered: options.onRedelivered ?? (() => undefined),
  };

  function queue(name: string): Queue {
    const opened = open.get(name) ?? server.openQueue(name);
    open.set(name, opened);
    if (isNamedTaskQueue(name) && !remembered.has(name)) remember(name);
    return opened;
  }

  /** For other processes' counts; tried again at the queue's next use when it fails. */
  function remember(name: string): void {
    remembered.add(name);
    ask(() => server.rememberTaskQueue(name)).catch((error) => {
      remembered.delete(name);
      report(error, name);
    });
  }

  function start(name: string, kind: QueueKind, run: RunJob, consumeOptions: ConsumeOptions): Consumer {
    queue(name);
    const consumer = consume(name, kind, run, consumeOptions, dependencies);
    consumers.add(consumer);
    return consumer;
  }

  const names = bullmqConfig.queues;
  const lanes = wakeQueues(options.lanes).map(queue);
  const timers = queue(names.timers);
  queue(names.tasks);
  const letters = queue(names.letters);
  const looker = liveness(server);

  return {
    ...wakes(lanes, looker, server.bulkFrom),
    ...work({ server, liveness: looker, queue }),
    ...deadLetters(letters, looker),
    ...loads({ server, lanes, timers, queue, isOpen: (name) => open.has(name) }),

    consumeWakes(handler, { concurrency, recover }) {
      const shares = shareOut(concurrency, lanes.length);
      const started = lanes.map(({ name }, lane) =>
        start(name, "events", runWake(handler), { concurrency: shares[lane] ?? 1, recover }),
      );
      return together(names.events, started);
    },
    consumeTimers: (handler, consumeOptions) =>
      start(names.timers, "timers", runTimer(handler, server, timers), consumeOptions),
    consumeActivities: (handler, { queue: name, ...consumeOptions }) =>
      start(taskQueue(name), "tasks", runActivity(handler), consumeOptions),
    consumeDeadLetters: (handler, consumeOptions) =>
      start(names.letters, "letters", runDeadLetter(handler), consumeOptions),

    async areWakesPaused() {
      const paused = await ask(() => Promise.all(lanes.map((lane) => lane.isPaused())));
      return paused.includes(true);
    },
    async freeAbandoned() {
      const tasks = [names.tasks, ...(await ask(() => server.taskQueues()))];
      return freeAbandoned(server, [
        ...lanes.map((lane) => [lane, "events"] as const),
        [timers, "timers"],
        ...[...new Set(tasks)].map((name) => [queue(name), "tasks"] as const),
        [letters, "letters"],
      ]);
    },

    isPaused: (name) => ask(() => queue(taskQueue(name)).isPaused()),

    async counts() {
      for (const name of await ask(() => server.taskQueues())) queue(name);
      return Promise.all([...open.values()].map(countsOf));
    },
    async close() {
      await Promise.all([...consumers].map((consumer) => consumer.close(0)));
      await Promise.allSettled([...open.values()].map((opened) => ask(() => opened.close())));
      await server.close();
    },
    boardQueues: () => [...open.values()],
    connections: () => server.connections(),
  };
}

function serverOf(
  connection: BullmqQueuesOptions["connection"],
  dependencies: Parameters<typeof redisServer>[1],
): QueueServer {
  return connection.kind === "redis"
    ? redisServer(connection.url, dependencies)
    : postgresServer(connection, dependencies);
}

function isNamedTaskQueue(name: string): boolean {
  return name.startsWith(`${bullmqConfig.queues.tasks}-`);
}

/** So many jobs at once, spread over the lanes; at least one each. */
function shareOut(concurrency: number, lanes: number): readonly number[] {
  return Array.from({ length: lanes }, (_, lane) => Math.max(1, Math.floor((concurrency + lanes - 1 - lane) / lanes)));
}

async function countsOf(queue: Queue) {
  const states = ["waiting", "prioritized", "active", "delayed", "failed"] as const;
  const counts = await ask(() => queue.getJobCounts(...states));
  const { waiting = 0, prioritized = 0, active = 0, delayed = 0, failed = 0 } = counts;
  return { queue: queue.name, waiting: waiting + prioritized, active, delayed, failed };
}
