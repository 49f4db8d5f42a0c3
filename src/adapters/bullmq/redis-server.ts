import {
  createRedisBackend,
  type Processor,
  Queue,
  QueueKeys,
  type QueueOptions,
  RedisConnection,
  RedisQueueBackend,
  Worker,
} from "bullmq";
import type { Redis } from "ioredis";
import { bullmqConfig } from "../../../bullmq.config.ts";
import { GatheringRedis } from "../redis/gathering-redis.ts";
import { type QueueServer, type ServerDependencies, unhurried, workerOptions } from "./queue-server.ts";

/** The service refuses to start on an older one, so the producers need not ask. */
const REDIS_VERSION = "7.0.8";

export function redisServer(url: string, { prefix, report }: ServerDependencies): QueueServer {
  const client = connect(url, report, { enableOfflineQueue: false, maxRetriesPerRequest: 1 });
  const connection = new KnownRedis(client, { shared: true, blocking: false, skipVersionCheck: true });
  connection.on("error", () => undefined);
  /** The first connection is waited for, as BullMQ does; afterwards a command fails while there is none. */
  const ready = async () => {
    await connection.client;
    return client;
  };
  const registry = `${prefix}:task-queues`;
  return {
    openQueue(name) {
      const streams = { events: { maxLen: bullmqConfig.retention.eventsPerQueue } };
      const options = { connection: client, prefix: keyPrefix(prefix, name), streams };
      const queue = new Queue(name, options, () => siblingBackend(connection, name, options));
      queue.on("error", (error) => report(error, name));
      return queue as unknown as Queue;
    },
    openWorker(name, kind, processor: Processor, recover, concurrency) {
      const own = connect(url, (error) => report(error, name), { maxRetriesPerRequest: null });
      const options = {
        ...workerOptions(kind, recover, concurrency),
        connection: own,
        prefix: keyPrefix(prefix, name),
      };
      const worker = new AbandonableWorker(name, processor, options, (...args) =>
        unhurried(createRedisBackend(...args)),
      );
      worker.on("error", (error) => report(error, name));
      const disconnect = () => {
        worker
          .getBackend()
          .close(true)
          .catch(() => undefined);
        own.disconnect();
        worker.abandon();
      };
      return { worker, disconnect };
    },
    async load(queue) {
      const keys = ["wait", "prioritized", "active", "delayed"].map((type) => queue.toKey(type));
      const answer = await (await ready()).eval(LOAD, keys.length, ...keys, queue.toKey(""));
      const [waiting = 0, due = 0, active = 0, oldestAgeMs = 0] = answer as readonly number[];
      return { waiting, due, active, oldestAgeMs };
    },
    holdsLock: async (queue, jobId) => (await (await ready()).exists(`${queue.toKey(jobId)}:lock`)) === 1,
    stalledCheck: async (queue) => (await ready()).get(queue.toKey("stalled-check")),
    delaysRunningJobs: true,
    bulkFrom: 2,
    rememberTaskQueue: async (name) => void (await (await ready()).sadd(registry, name)),
    taskQueues: async () => (await ready()).smembers(registry),
    connections: () => 0,
    close: async () => client.disconnect(),
  };
}

/**
 * Lengths, and the age of the oldest: the tail of the list is taken next, and a delayed job's score is its time, 12 bits to the left.
 * A job that was promoted could be taken from when its delay was over.
 */
const LOAD = `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local untilNow = (now + 1) * 4096 - 1
local since = now
local due = redis.call("ZRANGEBYSCORE", KEYS[4], 0, untilNow, "WITHSCORES", "LIMIT", 0, 1)
if due[2] then since = math.floor(tonumber(due[2]) / 4096) end
local head = redis.call("LINDEX", KEYS[1], -1)
local job = head and redis.call("HMGET", ARGV[1] .. head, "timestamp", "opts")
if job and job[1] then
  local delay = job[2] and cjson.decode(job[2]).delay
  since = math.min(since, tonumber(job[1]) + (tonumber(delay) or 0))
end
local waiting = redis.call("LLEN", KEYS[1]) + redis.call("ZCARD", KEYS[2])
return { waiting, redis.call("ZCOUNT", KEYS[4], 0, untilNow), redis.call("LLEN", KEYS[3]), math.max(0, now - since) }
`;

/** Keys of one queue share a hash tag of their own: all a script touches is in one slot, and the queues spread over a cluster. */
export function keyPrefix(prefix: string, queue: string): string {
  return `{${prefix}:${queue}}`;
}

/** Answers what the producers' scripts are chosen by without an INFO, whose failure would break the connection object for good. */
class KnownRedis extends RedisConnection {
  override get redisVersion(): string {
    return REDIS_VERSION;
  }
}

/** Closing waits for ever on a connection that is away, and meanwhile goes on renewing locks. */
class AbandonableWorker extends Worker {
  abandon(): void {
    this.lockManager.close().catch(() => undefined);
  }
}

function siblingBackend(connection: RedisConnection, name: string, options: QueueOptions): RedisQueueBackend {
  const keys = new QueueKeys(options.prefix);
  const toKey = (type: string) => keys.toKey(name, type);
  return new RedisQueueBackend(connection, name, keys.getKeys(name), toKey, options, undefined, false);
}

function connect(
  url: string,
  report: (error: Error, where: string) => void,
  options: { enableOfflineQueue?: boolean; maxRetriesPerRequest: number | null },
): Redis {
  const { reconnectMs } = bullmqConfig.workers;
  const client = new GatheringRedis(url, {
    ...options,
    connectTimeout: 5_000,
    retryStrategy: (times) => Math.min(times * 100, reconnectMs),
  });
  client.on("error", (error) => report(error, "connection"));
  return client;
}
