import type { HistoryEvent, TaskRequested } from "../engine/events.ts";
import type { AnswerFact } from "../engine/facts.ts";
import type { OwedActivity, OwedWork } from "../engine/owed-work.ts";
import type { ExecutionHead } from "../ports/event-store.ts";
import type { ExecutionId } from "../values/ids.ts";
import type { TraceContext } from "../values/trace-context.ts";
import { within } from "./within.ts";

/** An activity that the process which decided it has claimed in the same commit. */
export interface LocalActivity {
  readonly head: ExecutionHead;
  readonly event: TaskRequested;
  readonly work: OwedActivity;
  readonly trace: TraceContext | undefined;
}

/** The task worker of this process, as it does what was claimed for it. */
export interface LocalPerformer {
  /** It can do this, and takes from the queue it would go to. */
  fits(event: TaskRequested, work: OwedActivity): boolean;
  begin(activity: LocalActivity): LocalPerformance;
}

export interface LocalPerformance {
  /** Resolves when its answer is recorded, it went to its queue after all, or it is no longer owed. Never rejects. */
  readonly done: Promise<void>;
  /** Nobody waits for it any more. */
  abandon(): void;
  /** This process must go: it is for another. */
  handBack(): void;
}

/** Decides on with an answer that no inbox holds. False when that was not possible: it is appended like any other. */
export type AnswerLocally = (
  head: Pick<ExecutionHead, "executionId" | "tenant" | "workflowId">,
  fact: Omit<AnswerFact, "at">,
) => Promise<boolean>;

/**
 * The short way of an activity: the process that decides it does it too, and decides on with its answer, without a queue between.
 * The commit that asks for it claims it; whoever looks after the execution finds the claim when its lease has run out.
 */
export interface LocalActivities {
  /** Of the work a commit is about to ask for, what this process begins with at once. Counts against its limit until dropped or ended. */
  reserve(added: readonly OwedWork[], events: readonly HistoryEvent[]): Reservation;
  /** It is in hand here, whatever its lease says. */
  holds(executionId: ExecutionId, name: number): boolean;
  /** They are no longer owed. */
  abort(executionId: ExecutionId, names: readonly number[]): void;
}

export interface Reservation {
  readonly names: ReadonlySet<number>;
  /** After the commit. */
  begin(head: ExecutionHead, trace: TraceContext | undefined): void;
  /** Nothing was committed. */
  drop(): void;
}

export const NOTHING_LOCAL: Reservation = { names: new Set(), begin: () => {}, drop: () => {} };

/** All activities go through their queues. */
export const NO_LOCAL_ACTIVITIES: LocalActivities = {
  reserve: () => NOTHING_LOCAL,
  holds: () => false,
  abort: () => {},
};

export interface LocalDispatch extends LocalActivities {
  /** The task worker of this process is ready; until then, and once it drains, everything goes to the queues. */
  serve(performer: LocalPerformer): void;
  /** Activities in hand; `of` those that would go to a queue it names, undefined being the common one. */
  size(of?: (queue: string | undefined) => boolean): number;
  /** Takes nothing new, waits for what is in hand, then aborts it: it goes to its queue. */
  drain(graceMs: number): Promise<void>;
}

interface InHand {
  readonly performance: LocalPerformance;
  readonly queue: string | undefined;
}

/** @param most activities in hand at once; what comes beyond goes to the queues, where others may take it. */
export function createLocalDispatch(most: number): LocalDispatch {
  const inHand = new Map<string, InHand>();
  let performer: LocalPerformer | undefined;
  let reserved = 0;
  let drained: Promise<void> | undefined;
  let becameIdle = () => {};

  function noteEnd(): void {
    if (reserved === 0 && inHand.size === 0) becameIdle();
  }

  function release(count: number): void {
    reserved -= count;
    noteEnd();
  }

  function begin(performing: LocalPerformer, activity: LocalActivity): void {
    const key = keyOf(activity.head.executionId, activity.work.name);
    const performance = performing.begin(activity);
    inHand.set(key, { performance, queue: activity.work.queue });
    void performance.done.finally(() => {
      // A store that lost its last second may have given the same name to another.
      if (inHand.get(key)?.performance === performance) inHand.delete(key);
      noteEnd();
    });
    // The process was asked to end while this was being committed.
    if (performer === undefined) performance.handBack();
  }

  /** Also of what is being committed. */
  function idle(): Promise<void> {
    return new Promise((resolve) => {
      becameIdle = resolve;
      noteEnd();
    });
  }

  async function end(graceMs: number): Promise<void> {
    performer = undefined;
    await within(graceMs, idle());
    for (const { performance } of inHand.values()) performance.handBack();
    await idle();
  }

  return {
    reserve(added, events) {
      const performing = performer;
      if (performing === undefined) return NOTHING_LOCAL;
      const taken: { readonly work: OwedActivity; readonly event: TaskRequested }[] = [];
      for (const work of added) {
        if (work.kind !== "activity" || inHand.size + reserved + taken.length >= most) continue;
        const event = events.find(({ sequence }) => sequence === work.name);
        if (event?.type === "task.requested" && performing.fits(event, work)) taken.push({ work, event });
      }
      if (taken.length === 0) return NOTHING_LOCAL;
      reserved += taken.length;
      return {
        names: new Set(taken.map(({ work }) => work.name)),
        begin(head, trace) {
          for (const { work, event } of taken) begin(performing, { head, event, work, trace });
          release(taken.length);
        },
        drop: () => release(taken.length),
      };
    },
    size: (of) => (of === undefined ? inHand.size : [...inHand.values()].filter(({ queue }) => of(queue)).length),
    holds: (executionId, name) => inHand.has(keyOf(executionId, name)),
    abort(executionId, names) {
      for (const name of names) inHand.get(keyOf(executionId, name))?.performance.abandon();
    },
    serve(given) {
      performer = given;
    },
    drain(graceMs) {
      drained ??= end(graceMs);
      return drained;
    },
  };
}

function keyOf(executionId: ExecutionId, name: number): string {
  return `${executionId}.${name}`;
}
