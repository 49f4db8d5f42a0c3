/** A worker process of the wake-up stress. Every run reads one batch of its group, works a little, commits and ends. */
import { setTimeout as sleep } from "node:timers/promises";
import { openMailbox } from "./mailbox.ts";
import { type CommitOutcome, openTrace } from "./run-trace.ts";
import { startWakeupWorker } from "./wakeups.ts";

const LONGEST_WORK_MS = 40;

const [url, traceFile] = process.argv.slice(2);
if (url === undefined || traceFile === undefined) throw new Error("usage: wakeup-worker <url> <trace file>");

const trace = openTrace(traceFile);
const mailbox = await openMailbox(url);

async function takeBatch(group: string): Promise<CommitOutcome> {
  const batch = await mailbox.read(group);
  if (batch.facts.length === 0) return "empty";
  await sleep(Math.random() ** 3 * LONGEST_WORK_MS);
  return (await mailbox.commit(group, batch)) ? "committed" : "refused";
}

async function run(group: string): Promise<void> {
  const end = trace.start(group);
  end(await takeBatch(group));
}

const worker = await startWakeupWorker(url, run, (error) => trace.error(error));

process.once("disconnect", () => process.exit());
process.once("message", async () => {
  await worker.close();
  await mailbox.close();
  process.exit();
});
process.send?.("ready");
