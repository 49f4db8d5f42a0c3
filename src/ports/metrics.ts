/** What the runtime counts; observability makes metrics of it. */
export interface RuntimeMetrics {
  commit(events: number): void;
  lostFence(): void;
  cache(hit: boolean): void;
  /** An execution was opened through this process. */
  started(): void;
  /** From when an activity was asked for to its first claim, by the store's clock. */
  scheduleToStart(kind: string, ms: number): void;
  /** A task ended: `kind` is the task's (`set`, `call`, `wait` …), the time is the store's. */
  step(kind: string, outcome: "completed" | "failed", ms: number): void;
  /** A job, or the answer to one, that nobody is owed any more: its execution ended or was cancelled, or another worker was first. */
  orphan(kind: "job" | "answer"): void;
  /** A job runs again because its earlier holder died or stalled. */
  redelivered(queue: string): void;
  /** Looking had to create a job that was missing; 0 in a run without faults. */
  rescue(kind: "wake" | "activity" | "timer" | "child" | "subscription" | "schedule" | "letter"): void;
  /** A timer was fired this long after it was due. */
  timerLateness(ms: number): void;
  /** A moment of a schedule led to an execution, decided so long after it. */
  scheduleFired(latenessMs: number): void;
  /** Moments of a schedule came to nothing. */
  scheduleSkipped(reason: "missed" | "overlap" | "paused" | "too-large" | "given-up"): void;
  activity(kind: string, ok: boolean, ms: number): void;
  ended(status: string): void;
  deadLetter(kind: string): void;
  engineFault(): void;
  /** Events were published by `emit` tasks or over the API. */
  published(events: number): void;
  /** An event was put before a subscription that may be waiting for it, so long after it was published, by the store's clock. */
  delivered(latencyMs: number): void;
  /** An event could not be put before a subscription: its inbox is full, or something is wrong with it. It is tried again. */
  deferred(reason: "inbox-full" | "failed"): void;
  /** An event was sent to a sink, or a try of it failed. */
  sent(ok: boolean, ms: number): void;
  /** Executions were removed because their retention was over. */
  expired(executions: number): void;
}
