import type { ActivityRequest } from "../engine/events.ts";
import type { KnownFunction } from "../ports/database.ts";
import type { DeadLetter, Description, OwedEntry } from "../ports/event-store.ts";
import type { ExecutionId } from "../values/ids.ts";
import { isClosed } from "../values/status.ts";
import type { TaskReference } from "../values/task-reference.ts";
import { type Listening, listeningText } from "./listening.ts";

export const WAIT_KINDS = [
  "timer",
  "activity",
  "worker",
  "child",
  "listening",
  "event",
  "paused",
  "dead-letter",
  "back-off",
] as const;

/** One reason why an execution does not move by itself right now. Times are epoch milliseconds, store time. */
export interface WaitReason {
  readonly kind: (typeof WAIT_KINDS)[number];
  readonly task?: TaskReference;
  readonly since: number;
  readonly until?: number;
  /** Of `listening`, where it can be told. */
  readonly listensFor?: Listening;
  readonly detail: string;
}

/** What is known around an execution; whatever is missing makes a reason less precise, never absent. */
export interface Surroundings {
  /** What owed activities asked for, by name. */
  readonly requests: ReadonlyMap<number, ActivityRequest>;
  /** Undefined: the database did not say. */
  readonly functions: readonly KnownFunction[] | undefined;
  /** Processes that take activities from a queue (by its full name); missing: unknown. */
  readonly workers: ReadonlyMap<string, number>;
  /** Processes that take wake-ups; undefined: unknown, or not asked. */
  readonly workflowWorkers: number | undefined;
  readonly letters: ReadonlyMap<string, DeadLetter>;
  /** Execution IDs of owed children, by name. */
  readonly children: ReadonlyMap<number, ExecutionId>;
  /** What owed subscriptions are for, by name. */
  readonly listening: ReadonlyMap<number, Listening>;
}

/** Full name of the queue an activity waits in. */
export function taskQueueName(queue: string | undefined): string {
  return queue === undefined ? "durabull-tasks" : `durabull-tasks-${queue}`;
}

/** Why an execution is not moving: never empty while it is open, always empty once it has ended. */
export function waitingFor(description: Description, around: Surroundings): readonly WaitReason[] {
  const { head, last, now } = description;
  if (isClosed(head.status)) return [];
  const undecided = unprocessed(description).map((reason) => ofWakeUp(reason, description, around));
  const reasons = [
    ...stopped(description, around),
    ...description.owed.flatMap((entry) => ofOwed(entry, now, around)),
    ...undecided,
  ];
  if (reasons.length > 0) return reasons;
  const limits = description.owed.flatMap((entry) => (entry.kind === "timer" ? [ofTimer(entry, now)] : []));
  return limits.length > 0
    ? limits
    : [{ kind: "event", since: last.at, detail: "nothing is owed and nothing waits: a wake-up decides what follows" }];
}

/** True when it would move as soon as a wake-up of it is processed. */
export function waitsForWakeUp(description: Description): boolean {
  return description.head.status !== "PAUSED" && unprocessed(description).length > 0;
}

/** Without a worker that takes it, a wake-up is not what is missing. */
function ofWakeUp(reason: WaitReason, description: Description, { workflowWorkers }: Surroundings): WaitReason {
  if (workflowWorkers !== 0 || !waitsForWakeUp(description)) return reason;
  return { ...reason, kind: "worker", detail: `${reason.detail}; no workflow worker takes wake-ups: start one` };
}

function stopped({ head, last, now }: Description, around: Surroundings): readonly WaitReason[] {
  const reasons: WaitReason[] = [];
  if (head.parked !== null) reasons.push(ofLetter(head.parked, last.at, undefined, around));
  if (head.status === "PAUSED") {
    reasons.push({ kind: "paused", since: last.at, detail: "it was paused; resume it to go on" });
  }
  if (head.notBefore > now && head.parked === null) {
    reasons.push({
      kind: "back-off",
      since: last.at,
      until: head.notBefore,
      detail: `deciding failed ${times(head.faults)}; it is tried again`,
    });
  }
  return reasons;
}

function ofOwed(entry: OwedEntry, now: number, around: Surroundings): readonly WaitReason[] {
  if (entry.answered) return [];
  if (entry.parked !== null) return [ofLetter(entry.parked, entry.since, entry.task, around)];
  if (entry.kind === "activity") return [ofActivity(entry, now, around)];
  if (entry.kind === "child") return [ofChild(entry, around)];
  if (entry.kind === "subscription") {
    return [ofSubscription(entry, around)];
  }
  return entry.purpose === "wait" || entry.purpose === "retry" ? [ofTimer(entry, now)] : [];
}

function ofSubscription({ name, task, since }: OwedEntry, { listening }: Surroundings): WaitReason {
  const listensFor = listening.get(name);
  const detail = listensFor === undefined ? "it listens for an event" : listeningText(listensFor);
  return { kind: "listening", task, since, ...(listensFor === undefined ? {} : { listensFor }), detail };
}

const TIMER_MEANING = {
  wait: "a wait",
  retry: "the delay before a retry",
  timeout: "a timeout",
  attempt: "the limit of one attempt",
} as const;

function ofTimer(entry: OwedEntry & { readonly kind: "timer" }, now: number): WaitReason {
  const due = entry.fireAt <= now ? "; it is due and waits to be processed" : "";
  return {
    kind: "timer",
    task: entry.task,
    since: entry.since,
    until: entry.fireAt,
    detail: `${TIMER_MEANING[entry.purpose]}${due}`,
  };
}

function ofActivity(entry: OwedEntry & { readonly kind: "activity" }, now: number, around: Surroundings): WaitReason {
  const request = around.requests.get(entry.name);
  const queue = taskQueueName(entry.queue);
  const what =
    request?.function !== undefined
      ? `function "${request.function}"`
      : request?.kind === "http"
        ? "an HTTP call"
        : "an activity";
  const at = { task: entry.task, since: entry.since };
  // First of all: workers that lack the function take it and hand it back, which from here looks like an attempt.
  const missing = missingWorker(request?.function, queue, around);
  if (missing !== undefined) return { kind: "worker", ...at, detail: missing };
  if (entry.attempt > 0 && entry.lookAt > now) {
    return { kind: "activity", ...at, detail: `attempt ${entry.attempt} of ${what} from queue ${queue} is running` };
  }
  const tried = entry.attempt > 0 ? ` after ${times(entry.attempt, "attempt")} without an answer` : "";
  return { kind: "activity", ...at, detail: `${what} waits in queue ${queue} for a free worker${tried}` };
}

function ofChild(entry: OwedEntry & { readonly kind: "child" }, around: Surroundings): WaitReason {
  const child = around.children.get(entry.name);
  const what = child === undefined ? "a child execution" : `child execution ${child}`;
  const detail = entry.await ? `the end of ${what}` : `the start of ${what}`;
  return { kind: "child", task: entry.task, since: entry.since, detail };
}

function missingWorker(name: string | undefined, queue: string, around: Surroundings): string | undefined {
  if (name !== undefined && around.functions !== undefined) {
    const known = around.functions.find((candidate) => candidate.name === name);
    if (!known) return `no worker has ever announced function "${name}"; start one that has it`;
    if (!known.online) {
      const seen = new Date(known.lastSeenAt).toISOString();
      return `no worker with function "${name}" is online; the last was seen at ${seen}`;
    }
  }
  return around.workers.get(queue) === 0 ? `no worker takes jobs from queue ${queue}; start one` : undefined;
}

function ofLetter(id: string, since: number, task: TaskReference | undefined, around: Surroundings): WaitReason {
  const letter = around.letters.get(id);
  const why = letter ? `: ${letter.error.detail ?? letter.error.title ?? letter.error.type}` : "";
  return {
    kind: "dead-letter",
    ...(task === undefined ? {} : { task }),
    since: letter?.parkedAt ?? since,
    detail: `dead letter ${id} stopped it${why}; redrive it to go on`,
  };
}

function unprocessed({ head, inbox, last, owed, now }: Description): readonly WaitReason[] {
  if (head.parked !== null || (head.status === "PAUSED" && inbox === 0)) return [];
  if (inbox > 0) {
    const what = head.status === "PAUSED" ? "kept until it is resumed" : "waiting to be processed";
    return [{ kind: "event", since: last.at, detail: `${inbox} new ${inbox === 1 ? "fact is" : "facts are"} ${what}` }];
  }
  if (head.settled < head.version) {
    const detail =
      head.status === "PENDING"
        ? "it was started and waits for a workflow worker"
        : `its ${last.type} event was recorded and what follows is being dispatched`;
    return [{ kind: "event", since: last.at, detail }];
  }
  const due = owed.find((entry) => entry.kind === "timer" && entry.fireAt <= now && isLimit(entry));
  return due ? [{ kind: "event", task: due.task, since: due.since, detail: "a timeout is due to be processed" }] : [];
}

function isLimit(entry: OwedEntry): boolean {
  return entry.kind === "timer" && (entry.purpose === "timeout" || entry.purpose === "attempt");
}

function times(count: number, word?: string): string {
  if (word !== undefined) return `${count} ${word}${count === 1 ? "" : "s"}`;
  return count === 1 ? "once" : `${count} times`;
}
