import { type Redis, type RedisOptions, ReplyError } from "ioredis";
import { CorruptRecordError, StoreUnavailableError, UnknownSchemaError } from "../../errors.ts";
import { GatheringRedis } from "./gathering-redis.ts";

export interface ConnectOptions {
  /** A command without an answer fails after this. Default: 1,500 ms. */
  readonly commandTimeoutMs?: number;
}

const LONGEST_BACK_OFF_MS = 1_000;

/**
 * For every connection of the store: a command fails at once while Redis is away and is never sent twice, for a command whose
 * answer was lost may have run.
 */
export function connectionOptions({ commandTimeoutMs = 1_500 }: ConnectOptions = {}) {
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
    connectTimeout: commandTimeoutMs,
    retryStrategy: (times: number) => Math.min(50 * 2 ** Math.min(times, 10), LONGEST_BACK_OFF_MS),
    // After a failover the old address may lead to a replica.
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
  } satisfies RedisOptions;
}

/**
 * Opens a connection and waits until it is ready. Later losses are mended in the background; until then operations fail fast.
 * @throws {StoreUnavailableError} when the first attempt fails.
 */
export async function connectRedis(url: string, options?: ConnectOptions): Promise<Redis> {
  const connection = new GatheringRedis(url, connectionOptions(options));
  let lastError: unknown;
  // Without a listener ioredis writes each failed attempt to the console; whoever calls gets the error.
  connection.on("error", (error) => {
    lastError = error;
  });
  try {
    await connection.connect();
  } catch (error) {
    connection.disconnect();
    throw new StoreUnavailableError("Redis", { cause: lastError ?? error });
  }
  return connection;
}

/** Codes with which Redis says that it cannot serve now, or not us. */
const UNAVAILABLE =
  /^(OOM|READONLY|MISCONF|LOADING|BUSY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|NOAUTH|WRONGPASS|NOPERM|UNKILLABLE|ERR max number of clients)\b/;
const CORRUPT = /^CORRUPT (.*?)( script: .*)?$/s;

/** Errors of ioredis and Redis as those of the ports; a mistake of ours (a type or syntax error of Redis) stays what it is. */
export function translated(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof CorruptRecordError) return error;
  if (!(error instanceof ReplyError)) return new StoreUnavailableError("Redis", { cause: error });
  const corrupt = CORRUPT.exec(error.message)?.[1];
  if (corrupt !== undefined) return new UnknownSchemaError(corrupt, { cause: error });
  return UNAVAILABLE.test(error.message) ? new StoreUnavailableError("Redis", { cause: error }) : error;
}

/** The answer, with errors translated. */
export async function answered<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    throw translated(error);
  }
}

export type Command = readonly [name: string, ...args: (string | number)[]];

/** Sends commands in one write; answers in order. Not a transaction. */
export async function pipelined(connection: Redis, commands: readonly Command[]): Promise<readonly unknown[]> {
  if (commands.length === 0) return [];
  const results = await answered(connection.pipeline(commands.map((command) => [...command])).exec());
  return (results ?? []).map(([error, answer]) => {
    if (error) throw translated(error);
    return answer;
  });
}
