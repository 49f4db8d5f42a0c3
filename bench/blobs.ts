/**
 * What it costs small payloads that large ones are kept apart: the same executions over the event store of one Redis with and without
 * that layer, in turns.
 *
 *   SIZE=2000 ROUNDS=9 npm run bench -- blobs
 */
import { createRedisDatabase, createRedisEventStore } from "../src/adapters/redis/index.ts";
import { withBlobs } from "../src/adapters/with-blobs.ts";
import { startRedis } from "../test/support/servers.ts";
import { PARTITIONS, runAll, STORE_OPTIONS } from "./executions.ts";
import { medianOf, table } from "./support.ts";

const SIZE = Number(process.env.SIZE ?? 2_000);
const ROUNDS = Number(process.env.ROUNDS ?? 9);
const INLINE_BYTES = 65_536;

const server = await startRedis({ appendfsync: "everysec" });
try {
  const events = await createRedisEventStore({ url: server.url, options: STORE_OPTIONS });
  const database = await createRedisDatabase({ url: server.url });
  await events.partitions(PARTITIONS);
  const sides = { plain: { events, database }, layered: { events: withBlobs(events, INLINE_BYTES), database } };
  await runAll(sides.plain, SIZE);
  const times = { plain: [] as number[], layered: [] as number[] };
  const cpu = { plain: [] as number[], layered: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    const order = round % 2 === 0 ? (["plain", "layered"] as const) : (["layered", "plain"] as const);
    for (const side of order) {
      const before = process.cpuUsage();
      times[side].push(await runAll(sides[side], SIZE));
      cpu[side].push(process.cpuUsage(before).user / 1_000_000);
    }
  }
  const ratio = (of: typeof times) => (medianOf(of.layered) / medianOf(of.plain)).toFixed(3);
  console.log(
    table(
      [`${SIZE} executions, median of ${ROUNDS}`, "plain", "layered", "ratio"],
      [
        ["seconds", medianOf(times.plain).toFixed(2), medianOf(times.layered).toFixed(2), ratio(times)],
        ["CPU of this process, s", medianOf(cpu.plain).toFixed(2), medianOf(cpu.layered).toFixed(2), ratio(cpu)],
      ],
    ),
  );
} finally {
  await server.stop();
}
process.exit(0);
