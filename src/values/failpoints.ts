/**
 * Moments at which a test may make a process fail, in the order in which a wake-up and then an activity pass them.
 * `after-effect` lies between an activity's effect and the append of its outcome.
 */
export const WORK_FAILPOINTS = [
  "before-decide",
  "before-commit",
  "after-commit",
  "after-dispatch",
  "before-settle",
  "after-settle",
  "after-claim",
  "after-effect",
  "after-append",
] as const;
/** On the way of an event: into the log, a listener into the index, the event into its inbox. */
export const EVENT_FAILPOINTS = [
  "before-subscribe",
  "after-subscribe",
  "after-publish",
  "before-deliver",
  "before-delivered",
] as const;
/** On the way of a scheduled execution: heard, decided, started, the next time armed; and in registering a schedule. */
export const SCHEDULE_FAILPOINTS = [
  "before-schedule-decided",
  "after-schedule-decided",
  "after-schedule-started",
  "before-schedule-armed",
] as const;
export const HEARING_FAILPOINTS = ["before-schedule-heard", "after-schedule-heard"] as const;
export const REGISTER_FAILPOINTS = ["before-register", "after-register", "before-schedule-joined"] as const;
export const FAILPOINTS = [
  ...WORK_FAILPOINTS,
  ...EVENT_FAILPOINTS,
  ...SCHEDULE_FAILPOINTS,
  ...HEARING_FAILPOINTS,
  ...REGISTER_FAILPOINTS,
] as const;
export type FailpointName = (typeof FAILPOINTS)[number];

export type FailpointAction =
  | { readonly kind: "kill" }
  | { readonly kind: "throw" }
  /** SIGSTOP: the process lives on as a zombie until somebody continues it. */
  | { readonly kind: "stop" }
  | { readonly kind: "delay"; readonly delayMs: number };

export interface Failpoint {
  readonly name: FailpointName;
  readonly action: FailpointAction;
  /** 0 to 1, drawn anew at each pass. */
  readonly probability: number;
}

export const FAILPOINT_FORM = `name:action:probability[,…] with a name of ${FAILPOINTS.join(" ")}, an action of kill throw stop delay<ms>, a probability from 0 to 1`;

/** Reads `after-commit:kill:0.05,before-settle:delay250:1`; undefined when any part of it is wrong. */
export function parseFailpoints(text: string): readonly Failpoint[] | undefined {
  const points = text.split(",").map((part) => parseFailpoint(part.trim()));
  return points.every((point) => point !== undefined) ? points : undefined;
}

function parseFailpoint(text: string): Failpoint | undefined {
  const match = /^([a-z-]+):([a-z]+)(\d*):(\d+(?:\.\d+)?)$/.exec(text);
  if (match === null) return undefined;
  const name = FAILPOINTS.find((known) => known === match[1]);
  const action = actionOf(match[2], match[3] ?? "");
  const probability = Number(match[4]);
  return name === undefined || action === undefined || probability > 1 ? undefined : { name, action, probability };
}

function actionOf(kind: string | undefined, digits: string): FailpointAction | undefined {
  if (kind === "delay") return digits === "" ? undefined : { kind, delayMs: Number(digits) };
  if (kind !== "kill" && kind !== "throw" && kind !== "stop") return undefined;
  return digits === "" ? { kind } : undefined;
}
