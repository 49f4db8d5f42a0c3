/** A process with consumers that closes everything when told to and should then end by itself: `leaver.ts <connection as JSON> <prefix>`. */
import { createBullmqQueues } from "../../../src/adapters/bullmq/queues.ts";

const [connection, prefix] = process.argv.slice(2);
if (connection === undefined || prefix === undefined) throw new Error("usage: leaver <connection> <prefix>");

const queues = createBullmqQueues({ connection: JSON.parse(connection), prefix, lanes: 2, log: { warn: () => {} } });
const options = { concurrency: 2, recover: true };
const consumers = [
  queues.consumeWakes(async () => {}, options),
  queues.consumeTimers(async () => "done", options),
  queues.consumeActivities(async () => {}, options),
];
await Promise.all(consumers.map((consumer) => consumer.ready()));
process.once("message", async () => {
  await Promise.all(consumers.map((consumer) => consumer.close(500)));
  await queues.close();
  process.disconnect();
});
process.send?.("ready");
