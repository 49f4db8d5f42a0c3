import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import type { Notices } from "../../ports/notices.ts";
import { createBus } from "../notices/bus.ts";
import { createOutbox } from "../notices/outbox.ts";
import { answered, connectionOptions } from "./connection.ts";

export interface RedisNoticesOptions {
  readonly url: string;
  /** First part of the channel's name. Default: "durabull". */
  readonly prefix?: string;
}

/**
 * Notices by PUBLISH. Each process that tells has one connection for it, each that listens one more; both open when they are first
 * needed, and mend themselves.
 */
export function createRedisNotices({ url, prefix = "durabull" }: RedisNoticesOptions): Notices {
  const origin = randomUUID();
  const bus = createBus(origin);
  let publisher: Redis | undefined;
  let subscriber: Redis | undefined;
  let subscribed = false;

  const outbox = createOutbox(origin, async (messages) => {
    publisher ??= opened(url);
    const { options } = publisher;
    if (publisher.status === "wait") await publisher.connect();
    const pipeline = publisher.pipeline(messages.map((message) => ["publish", channelOf(prefix, options.db), message]));
    await answered(pipeline.exec());
  });

  function subscribe(): Redis {
    const connection = opened(url);
    connection.on("message", (_channel, message) => bus.message(message));
    connection.on("close", () => {
      subscribed = false;
    });
    connection.on("ready", () => {
      connection.subscribe(channelOf(prefix, connection.options.db)).then(
        () => {
          subscribed = true;
          bus.gap();
        },
        // Without its subscription it is of no use.
        () => connection.disconnect(connection.status === "ready"),
      );
    });
    connection.connect().catch(() => undefined); // it goes on trying
    return connection;
  }

  return {
    tell(notice) {
      bus.notice(notice);
      outbox.put(notice);
    },
    listen(listener) {
      subscriber ??= subscribe();
      return bus.listen(listener);
    },
    connected: () => subscribed,
    async close() {
      await outbox.close();
      publisher?.disconnect();
      subscriber?.disconnect();
    },
  };
}

/** Channels, unlike keys, are of all databases of a server. */
function channelOf(prefix: string, db: number | undefined): string {
  return `${prefix}:notices:${db ?? 0}`;
}

function opened(url: string): Redis {
  const connection = new Redis(url, { ...connectionOptions(), autoResubscribe: false, keepAlive: 10_000 });
  connection.on("error", () => undefined);
  return connection;
}
