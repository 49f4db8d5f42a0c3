import type { Redis } from "ioredis";
import { checkRedis } from "./boot-checks.ts";
import { connectRedis } from "./connection.ts";
import { type Keys, keysOf } from "./keys.ts";

/** An address, for a connection of its own, or a connection that its giver closes. */
export type RedisSource = { readonly url: string } | { readonly connection: Redis };

export type RedisPlace = RedisSource & {
  /** First part of every key. Default: "durabull". */
  readonly prefix?: string;
  /** Also accept a Redis that keeps nothing on disk. Default: false. */
  readonly allowVolatile?: boolean;
  /** Told what could not be checked, a sentence each. */
  readonly onUnchecked?: (sentence: string) => void;
};

/** Connects and makes sure that this Redis keeps what it acknowledges. */
export async function openRedis(
  given: RedisPlace,
): Promise<{ readonly connection: Redis; readonly keys: Keys; readonly close: () => Promise<void> }> {
  const keys = keysOf(given.prefix ?? "durabull");
  const connection = "url" in given ? await connectRedis(given.url) : given.connection;
  const close = async () => {
    if ("url" in given) await connection.quit().catch(() => connection.disconnect());
  };
  try {
    const unchecked = await checkRedis(connection, { allowVolatile: given.allowVolatile ?? false });
    for (const sentence of unchecked) given.onUnchecked?.(sentence);
  } catch (error) {
    await close();
    throw error;
  }
  return { connection, keys, close };
}
