import { StoreUnavailableError } from "../errors.ts";
import type { Log } from "../ports/executor.ts";
import type { Delivery, Queues } from "../ports/queues.ts";
import type { Group } from "../values/ids.ts";
import { within } from "./within.ts";

/** Looks after the executions of a group, as for a job. `type` is that of the wake-up, undefined when there were several. */
export type Look = (
  group: Group,
  delivery: Pick<Delivery, "redelivered" | "signal">,
  type: string | undefined,
) => Promise<void>;

/** Type of the wake-up for what is left of a long decision: always a job, so that others get their turn first. */
export const REST = "more";

/** Which groups this process looks after just now, without a job that tells others. */
export interface GroupsInHand {
  holds(group: Group): boolean;
}

/** Every wake-up is a job. */
export const NO_WAKES_HERE: GroupsInHand = { holds: () => false };

/**
 * The short way of a wake-up: a process that is a workflow worker looks itself at what it has just written, instead of putting a job
 * into a queue and fetching it from there. What it cannot take becomes a job: beyond its limit, while the queue is paused, before it
 * is ready and once it drains. What was written is owed attention, so nothing is lost with the process; the fence keeps apart those who
 * look at the same execution.
 */
export interface WakesHere extends GroupsInHand {
  readonly wake: Queues["wake"];
  /** The workflow worker of this process is ready. */
  serve(look: Look): void;
  /** Whether somebody has paused the queue that they would go through otherwise. */
  pause(isPaused: boolean): void;
  isPaused(): boolean;
  /** Takes nothing new, and waits for what is in hand; after `graceMs` that is told to stop, and left to whoever takes its job. */
  drain(graceMs: number): Promise<void>;
}

interface Hand {
  readonly group: Group;
  done: Promise<void>;
  /** Types of the wake-ups that came meanwhile: what they tell may have been written after the look that is under way. */
  again: string[];
}

/** How long a look may take to heed its signal at the end of a drain. */
const ABORT_PATIENCE_MS = 500;

/** @param most groups looked after at once. */
export function createWakesHere(queues: Pick<Queues, "wake">, log: Log, most: number): WakesHere {
  const inHand = new Map<string, Hand>();
  const leaving = new AbortController();
  let look: Look | undefined;
  let paused = false;
  let drained: Promise<void> | undefined;

  async function lookAfter(key: string, hand: Hand, mine: Look): Promise<void> {
    const delivery = { redelivered: false, signal: leaving.signal };
    try {
      do {
        const types = hand.again;
        hand.again = [];
        await mine(hand.group, delivery, types.length === 1 ? types[0] : undefined);
      } while (hand.again.length > 0 && look === mine && !paused);
      // In the same turn as the question above: what comes from now on begins anew.
      inHand.delete(key);
      const [type] = hand.again;
      if (type !== undefined) await queues.wake(hand.group, type);
    } catch (error) {
      inHand.delete(key);
      log.warn({ ...hand.group, err: error }, "a wake-up was not processed here");
      // A store that is away has its attention; anything else is for a job, that shows what is wrong.
      if (error instanceof StoreUnavailableError) return;
      await queues.wake(hand.group, hand.again[0] ?? "retry").catch((cause: unknown) => {
        log.warn({ ...hand.group, err: cause }, "no wake-up was queued either; it will be found by attention");
      });
    }
  }

  function begin({ tenant, workflowId }: Group, type: string, mine: Look): void {
    const group = { tenant, workflowId };
    const key = keyOf(group);
    const hand: Hand = { group, done: Promise.resolve(), again: [type] };
    inHand.set(key, hand);
    hand.done = lookAfter(key, hand, mine);
  }

  async function end(graceMs: number): Promise<void> {
    look = undefined;
    const all = () => Promise.all([...inHand.values()].map(({ done }) => done));
    if (await within(graceMs, all())) return;
    leaving.abort(new Error("this process shuts down"));
    await within(ABORT_PATIENCE_MS, all());
    // What does not heed its signal: somebody else is told, and the fence decides whose commit counts.
    await Promise.allSettled([...inHand.values()].map(({ group }) => queues.wake(group, "handed back")));
  }

  return {
    async wake(group, type) {
      const known = inHand.get(keyOf(group));
      if (type === REST) await queues.wake(group, type);
      else if (known !== undefined) known.again.push(type);
      else if (look === undefined || paused || inHand.size >= most) await queues.wake(group, type);
      else begin(group, type, look);
    },
    holds: (group) => inHand.has(keyOf(group)),
    serve(given) {
      look = given;
    },
    pause(isPaused) {
      paused = isPaused;
    },
    isPaused: () => paused,
    drain(graceMs) {
      drained ??= end(graceMs);
      return drained;
    },
  };
}

function keyOf({ tenant, workflowId }: Group): string {
  return `${tenant} ${workflowId}`;
}
