import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Kafka } from "kafkajs";
import { eventually } from "./api.ts";
import { ensureKcat } from "./install.ts";
import { accepts } from "./mosquitto-server.ts";
import { dataDirectory, startServer, type TestServer } from "./server-process.ts";

/** What librdkafka says once its broker listens on a port of its own choice. */
const ADDRESS = /replaced with (127\.0\.0\.1:\d+)/g;

export interface KafkaServer extends TestServer {
  /** `127.0.0.1:<port>` */
  readonly host: string;
}

/**
 * A broker of Kafka on loopback: that which librdkafka has for tests, in a process of `kcat` that consumes from it. It has topics of four
 * partitions, which come to be when they are first asked for, and groups; it knows no TLS, no SASL and no way to delete a group, for which
 * there is `kafka-door.ts`.
 */
export async function startKafka(): Promise<KafkaServer> {
  ensureKcat();
  const dir = dataDirectory(undefined, "durabull-kafka-");
  let host = "";
  const server = await startServer({
    url: "kafka://127.0.0.1",
    port: 0,
    command: "kcat",
    // The address is replaced; the topic is for it to have something to wait for.
    args: ["-C", "-q", "-b", "127.0.0.1:1", "-t", "nobody", "-o", "end", "-X", "test.mock.num.brokers=1"],
    uid: undefined,
    dir,
    stopSignal: "SIGTERM",
    abortSignal: "SIGKILL",
    async isReady() {
      const log = readFileSync(join(dir.path, "server.log"), "utf8");
      host = [...log.matchAll(ADDRESS)].at(-1)?.[1] ?? "";
      return host !== "" && accepts(Number(host.split(":")[1]));
    },
  });
  return Object.assign(server, { host });
}

/** Once a group has its place in partition 0: it begins with what comes then. */
export async function groupBegins(client: Kafka, topic: string, groupId: string): Promise<void> {
  const admin = client.admin();
  await admin.connect();
  await eventually(
    () => admin.fetchOffsets({ groupId, topics: [topic] }),
    ([found]) => found?.partitions.some(({ partition, offset }) => partition === 0 && offset !== "-1") ?? false,
  );
  await admin.disconnect();
}
