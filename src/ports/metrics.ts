/** What the runtime counts; observability makes metrics of it. */
export interface RuntimeMetrics {
  commit(events: number): void;
  lostFence(): void;
  cache(hit: boolean): void;
  /** Looking had to create a job that was missing; 0 in a run without faults. */
  rescue(kind: "wake" | "activity" | "timer" | "letter"): void;
  /** A timer was fired this long after it was due. */
  timerLateness(ms: number): void;
  activity(kind: string, ok: boolean, ms: number): void;
  ended(status: string): void;
  deadLetter(kind: string): void;
  engineFault(): void;
  /** Executions were removed because their retention was over. */
  expired(executions: number): void;
}
