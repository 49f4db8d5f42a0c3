import { setTimeout as sleep } from "node:timers/promises";
import type { HistoryEvent } from "../engine/events.ts";
import type { OwedWork } from "../engine/owed-work.ts";
import type { Expected, ReadResult } from "../ports/event-store.ts";
import type { ExecutionId } from "../values/ids.ts";
import { jobOf } from "./dispatch.ts";
import type { Ports } from "./ports.ts";

/** A commit with claims of this process whose answer did not come: the store may have done it, or may do it yet. */
export interface DoubtfulCommit {
  readonly executionId: ExecutionId;
  readonly expected: Expected;
  readonly events: readonly HistoryEvent[];
  /** What it claims. */
  readonly claimed: readonly OwedWork[];
  /** The end of their leases. */
  readonly lookAt: number;
}

const FIRST_LOOK_MS = 50;
const LONGEST_WAIT_MS = 2_000;
/** The claims are then counted as if a process had died with them: a limit of deaths errs by one. */
const GIVE_UP_AFTER_MS = 120_000;

/**
 * Claims that nobody acts on, though nobody died: they are handed back, and the work goes to its queue. Looks until the store has answered
 * and the execution has moved on, by this commit or another; never rejects, and keeps no process alive.
 */
export async function handBackDoubtful(ports: Ports, commit: DoubtfulCommit): Promise<void> {
  const { executionId } = commit;
  const until = performance.now() + GIVE_UP_AFTER_MS;
  for (let wait = FIRST_LOOK_MS; performance.now() < until; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    await sleep(wait, undefined, { ref: false });
    try {
      if (await resolved(ports, commit)) return;
    } catch (error) {
      ports.log.debug({ executionId, err: error }, "what became of a commit is not known yet");
    }
  }
  ports.log.warn({ executionId }, "what became of a commit was not found out; its claims count as deaths");
}

/** False while the commit may still be done: its fence holds. */
async function resolved(ports: Ports, commit: DoubtfulCommit): Promise<boolean> {
  const { executionId, expected, claimed } = commit;
  const log = await ports.events.read(executionId, { after: expected.version, inboxLimit: 1, snapshot: false });
  if (log === null) return true;
  const { version, tip, heard } = log.head;
  if (version === expected.version && tip === expected.tip && heard === expected.heard) return false;
  if (!isIn(log, commit)) return true;
  for (const work of claimed) await handBack(ports, log, work, commit.lookAt);
  return true;
}

/** Another that decided the same from the same history did so at another moment, and its claims are its own. */
function isIn({ events }: ReadResult, commit: DoubtfulCommit): boolean {
  const [first] = commit.events;
  const found = events[0];
  return (
    first !== undefined && found?.sequence === first.sequence && found.type === first.type && found.at === first.at
  );
}

async function handBack({ events, queues, log }: Ports, read: ReadResult, work: OwedWork, lookAt: number) {
  const { head } = read;
  const entry = read.owed.find(({ name }) => name === work.name);
  if (entry === undefined || entry.answered) return;
  await events.release(head.executionId, work.name);
  log.info({ executionId: head.executionId, name: work.name }, "a claim whose commit was not answered is handed back");
  // Whoever looked or claimed since has seen to it.
  if (entry.attempt !== 1 || entry.lookAt !== lookAt) return;
  const job = jobOf(head, work, entry.dispatch, read.readAt, Number.POSITIVE_INFINITY);
  if (job === undefined) return;
  await queues.dispatch([job]).catch((error: unknown) => {
    log.warn({ executionId: head.executionId, err: error }, "not queued; it will be found by attention");
  });
}
