import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Queue } from "bullmq";
import { bullmqConfig } from "../../../bullmq.config.ts";
import { ask } from "./deadline.ts";
import type { QueueKind } from "./names.ts";
import type { QueueServer } from "./queue-server.ts";

/** The name of one worker of one process, never used again: its connections bear it, and every job it takes. Short, as PostgreSQL cuts names. */
export function holderName(): string {
  return randomBytes(6).toString("hex");
}

/** The holders among connected clients: the last part of a name, as in `<queue>:w:<holder>`. */
export function holdersIn(clientLists: readonly string[]): ReadonlySet<string> {
  const names = clientLists.flatMap((list) => [...list.matchAll(/(?:^|\s)name=(\S+)/g)].map(([, name = ""]) => name));
  return new Set(names.map((name) => name.slice(name.lastIndexOf(":") + 1)));
}

/** What one look at the active jobs of a queue found. */
export interface Abandoned {
  readonly freed: number;
  /** When a holder without a connection may be judged that renewed a lock only just now, in milliseconds; 0 = none is left. */
  readonly againInMs: number;
}

/**
 * Gives back what dead processes held, without waiting for their locks: the next check for stalled jobs, which begins with the first worker
 * of a process, puts it back by BullMQ's own script, so it counts as a death once, as any stalled job does.
 *
 * Why no living process loses a job to this. Two things must hold at once: no connection bears its holder's name, neither the one that
 * waits for jobs nor the one that renews locks (a worker that drains keeps that one), *and* its lock was not renewed for two renewals. A
 * process whose connection just broke is back within the first; one that stands still keeps its connection. What is left is a process that
 * is cut off from its server for over a second while another starts. It would have lost its locks a second or two later in any case: its
 * effect may be repeated, under the same idempotency key, and the store takes one answer.
 */
export async function freeAbandoned(
  server: QueueServer,
  queues: readonly (readonly [Queue, QueueKind])[],
): Promise<number> {
  let freed = 0;
  let waiting = queues;
  for (let look = 0; look < LOOKS && waiting.length > 0; look++) {
    const found = await Promise.all(
      waiting.map(async ([queue, kind]) => ({
        queue,
        kind,
        ...(await ask(() => server.freeAbandoned(queue, timesOf(kind)))),
      })),
    );
    freed += found.reduce((sum, each) => sum + each.freed, 0);
    waiting = found.filter(({ againInMs }) => againInMs > 0).map(({ queue, kind }) => [queue, kind] as const);
    if (waiting.length > 0) await sleep(Math.max(...found.map(({ againInMs }) => againInMs)));
  }
  return freed;
}

/** The second finds all that the first had to wait for, unless somebody died in between. */
const LOOKS = 2;

export interface LockTimes {
  readonly lockMs: number;
  /** A living holder has renewed each of its locks within this time. */
  readonly renewedWithinMs: number;
}

function timesOf(kind: QueueKind): LockTimes {
  const { lockMs, renewMs } = bullmqConfig.locks[kind];
  return { lockMs, renewedWithinMs: 2 * renewMs };
}
