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
import { type Redis, ReplyError } from "ioredis";
import { bullmqConfig } from "../../../bullmq.config.ts";
import { GatheringRedis } from "../redis/gathering-redis.ts";
import { holderName, holdersIn } from "./holders.ts";
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
      const holder = holderName();
      // BullMQ names the connection that waits for jobs; this one renews their locks, and outlives it in a drain.
      const connectionName = `${prefix}:h:${holder}`;
      const own = connect(url, (error) => report(error, name), { maxRetriesPerRequest: null, connectionName });
      const options = {
        ...workerOptions(kind, recover, concurrency),
        name: holder,
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
    async freeAbandoned(queue, { lockMs, renewedWithinMs }) {
      const lists = await clientLists(queue);
      if (lists === null) return { freed: 0, againInMs: 0 };
      const keys = ["active", "stalled", "stalled-check"].map((type) => queue.toKey(type));
      const args = [queue.toKey(""), lockMs, renewedWithinMs, ...holdersIn(lists)];
      const [freed = 0, againInMs = 0] = (await (
        await ready()
      ).eval(FREE_ABANDONED, keys.length, ...keys, ...args)) as number[];
      return { freed, againInMs };
    },
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

/**
 * Of active jobs whose holder (`pb`) is none of those named: a lock that was not renewed for long enough goes, and the job is marked, so that
 * the next check, which may come at once, finds it stalled. Gives how many, and when the youngest of the other locks is old enough.
 */
const FREE_ABANDONED = `
local present = {}
for i = 4, #ARGV do present[ARGV[i]] = true end
local freed, again = 0, 0
for _, id in ipairs(redis.call("LRANGE", KEYS[1], 0, -1)) do
  local holder = redis.call("HGET", ARGV[1] .. id, "pb")
  if holder and not present[holder] then
    local lock = ARGV[1] .. id .. ":lock"
    local age = tonumber(ARGV[2]) - redis.call("PTTL", lock)
    if age >= tonumber(ARGV[3]) then
      redis.call("DEL", lock)
      redis.call("SADD", KEYS[2], id)
      freed = freed + 1
    else
      again = math.max(again, math.min(tonumber(ARGV[3]), ARGV[3] - age))
    end
  end
end
if freed > 0 then redis.call("DEL", KEYS[3]) end
return { freed, math.ceil(again) }
`;

/** Null where a managed server does not tell. */
async function clientLists(queue: Queue): Promise<readonly string[] | null> {
  try {
    return await queue.getBackend().getClientList();
  } catch (error) {
    if (error instanceof ReplyError) return null;
    throw error;
  }
}

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
  options: { enableOfflineQueue?: boolean; maxRetriesPerRequest: number | null; connectionName?: string },
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
