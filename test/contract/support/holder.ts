/** A process that takes one job and never ends it: `holder.ts <connection as JSON> <prefix> <wake | activity>`. */
import { createBullmqQueues } from "../../../src/adapters/bullmq/queues.ts";

const [connection, prefix, kind] = process.argv.slice(2);
if (connection === undefined || prefix === undefined) throw new Error("usage: holder <connection> <prefix> <kind>");

const queues = createBullmqQueues({
  connection: JSON.parse(connection),
  prefix,
  lanes: 1,
  log: { warn: (_fields, message) => console.error(message) },
});

const hold = () => {
  process.send?.("holding");
  return new Promise<void>(() => {});
};
if (kind === "wake") queues.consumeWakes(hold, { concurrency: 1, recover: false });
else queues.consumeActivities(hold, { concurrency: 1, recover: false });

process.once("disconnect", () => process.exit());
