import type { TaskReference } from "../values/task-reference.ts";

export type OwedKind = "activity" | "timer" | "child" | "subscription";
/**
 * `wait`: of a wait task. `retry`: delay before a try starts over. `timeout`: of a task or, on frame 1, of the workflow.
 * `attempt`: limit of one attempt of a try.
 */
export type TimerPurpose = "wait" | "retry" | "timeout" | "attempt";

/** Work asked of the world and not answered, named by the sequence of the event that asked. */
export type OwedWork = OwedActivity | OwedTimer | OwedChild | OwedSubscription;
export interface OwedActivity {
  readonly kind: "activity";
  readonly name: number;
  readonly task: TaskReference;
  /** Suffix of its own queue; absent = the common one. */
  readonly queue?: string;
}
export interface OwedTimer {
  readonly kind: "timer";
  readonly name: number;
  readonly task: TaskReference;
  readonly purpose: TimerPurpose;
  /** Epoch milliseconds, store time. */
  readonly fireAt: number;
}
/** An execution to be started by this one; answered when it has ended or, without `await`, when it has started. */
export interface OwedChild {
  readonly kind: "child";
  readonly name: number;
  readonly task: TaskReference;
  readonly await: boolean;
}
/** Events are waited for; nobody answers, but each of them is a message. */
export interface OwedSubscription {
  readonly kind: "subscription";
  readonly name: number;
  readonly task: TaskReference;
}
