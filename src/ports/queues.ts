import type { ExecutionId, Group, TenantId, WorkflowId } from "../values/ids.ts";
import type { TraceContext } from "../values/trace-context.ts";

/**
 * Wake-ups, timers, activities and dead letters as jobs. A job says *look here*; the store says what is true. Losing, doubling,
 * reordering or delaying any job changes only time.
 */
export interface Queues {
  /** Adds a wake-up for the group; rides on one that is waiting; kept until after one that is active. `type` is the event's, for the eye. */
  wake(group: Group, type: string): Promise<void>;
  /** True when a wake-up of the group is waiting, delayed or active with a live lock, so that adding one would not be a rescue. */
  wakeAlive(group: Group): Promise<boolean>;
  /** Drops whatever is left of a dead wake-up (ghost, stuck deduplication key) and adds a new one. */
  forceWake(group: Group, type: string): Promise<void>;

  /** Adds the jobs; repeatable: a job with the same name and dispatch number is not added twice. Never before `fireAt`. */
  dispatch(jobs: readonly Job[]): Promise<void>;
  /** True when its job is waiting, delayed, active with a live lock or waiting to be retried. */
  alive(job: Job): Promise<boolean>;
  /** Best effort: takes jobs that nobody works on yet out of the queue. Never throws for one that is gone or active. */
  remove(jobs: readonly Job[]): Promise<void>;

  /** Adds the job that shows a dead letter under *failed*; repeatable by letter id. */
  deadLetter(letter: LetterJob): Promise<void>;
  deadLetterAlive(letterId: string): Promise<boolean>;
  removeDeadLetter(letterId: string): Promise<void>;

  consumeWakes(handler: WakeHandler, options: ConsumeOptions): Consumer;
  consumeTimers(handler: TimerHandler, options: ConsumeOptions): Consumer;
  consumeActivities(handler: ActivityHandler, options: ConsumeOptions & { readonly queue?: string }): Consumer;
  consumeDeadLetters(handler: DeadLetterHandler, options: ConsumeOptions): Consumer;

  /** Whether somebody has paused a queue of activities; undefined is the common one. */
  isPaused(queue: string | undefined): Promise<boolean>;
  /** Whether somebody has paused a queue of wake-ups: the only one, or any lane. */
  areWakesPaused(): Promise<boolean>;

  /** Jobs by queue and state, for metrics. */
  counts(): Promise<readonly QueueCounts[]>;
  /**
   * What waits in a queue by its store's own clock; cheap enough to ask every second, however many jobs are delayed. `queue` is `events`
   * (all lanes), `timers`, `tasks` or `tasks-<name>`; null for one that was never used.
   */
  load(queue: string): Promise<QueueLoad | null>;
  /** What `load` knows. */
  loadNames(): Promise<readonly string[]>;
  /** How many processes take from a queue (named as for `load`); undefined when its server does not tell. */
  takers(queue: string): Promise<number | undefined>;
  /**
   * For the start of a process: active jobs whose holders are gone run again as soon as somebody takes jobs, as redelivered ones. Gives how
   * many. Those of a holder that was there a moment ago are waited for, a second at most.
   */
  freeAbandoned(): Promise<number>;
  close(): Promise<void>;
}

export type Job = ActivityJob | TimerJob;
interface JobBase {
  readonly executionId: ExecutionId;
  readonly tenant: TenantId;
  readonly workflowId: WorkflowId;
  /** Sequence of the event that asked. */
  readonly name: number;
  /** 0, and one more each time recovery dispatches again. */
  readonly dispatch: number;
}
export interface ActivityJob extends JobBase {
  readonly kind: "activity";
  readonly queue?: string;
  /** A hint for traces; no part of the job's identity. */
  readonly trace?: TraceContext;
}
export interface TimerJob extends JobBase {
  readonly kind: "timer";
  /** Epoch ms, store time. */
  readonly fireAt: number;
  /** Store time now: the delay is the difference. */
  readonly now: number;
  /** The job may come so much after `fireAt`, milliseconds: whoever made it fires the timer itself unless it dies. */
  readonly laterMs?: number;
  /** It is the next time of a schedule, rather than owed by an execution. */
  readonly schedule?: { readonly namespace: string; readonly name: string };
}
export interface LetterJob {
  readonly id: string;
  readonly tenant: TenantId;
  readonly executionId: ExecutionId;
  readonly workflowId: WorkflowId;
  readonly kind: "event" | "activity" | "execution";
  /** Shown by Bull Board as the reason of the failure. */
  readonly message: string;
  readonly stack: string | null;
}

/** `redelivered`: an earlier holder of this job died or stalled with it. `signal` aborts when the lock is lost or the process drains hard. */
export interface Delivery {
  readonly redelivered: boolean;
  readonly signal: AbortSignal;
}
export type WakeHandler = (group: Group, delivery: Delivery) => Promise<void>;
export type TimerHandler = (
  job: Omit<TimerJob, "now" | "laterMs">,
  delivery: Delivery,
) => Promise<
  "done" | { readonly again: number /* epoch ms, store time, of a timer that was early */; readonly now: number }
>;
export type ActivityHandler = (job: ActivityJob, delivery: Delivery) => Promise<void>;
/** Called only when an operator pressed Retry in Bull Board. Throwing keeps the job under *failed*. */
export type DeadLetterHandler = (letter: { readonly id: string; readonly tenant: TenantId }) => Promise<void>;

export interface ConsumeOptions {
  /** Jobs at once in this process. */
  readonly concurrency: number;
  /** This process also looks for stalled jobs of others. */
  readonly recover: boolean;
}
export interface Consumer {
  readonly queue: string;
  /** Jobs in hand. */
  inFlight(): number;
  /** Resolves once it takes jobs. */
  ready(): Promise<void>;
  /** Stops taking; waits up to graceMs for jobs in hand, then aborts their signals and gives them back. */
  close(graceMs: number): Promise<void>;
}
export interface QueueCounts {
  readonly queue: string;
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
}

/** Delayed jobs count only once their time has come. */
export interface QueueLoad {
  /** Jobs that wait to be taken, without the due ones that nobody has promoted yet. */
  readonly waiting: number;
  /** Delayed jobs whose time has come: the next worker that looks takes them. */
  readonly due: number;
  readonly active: number;
  /** Since the oldest of the waiting and due ones could have been taken, in milliseconds; 0 without any. */
  readonly oldestAgeMs: number;
}
