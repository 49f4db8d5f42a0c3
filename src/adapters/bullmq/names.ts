import { bullmqConfig } from "../../../bullmq.config.ts";
import type { ActivityJob, Job, TimerJob } from "../../ports/queues.ts";
import { type ExecutionId, type Group, hashOf, type TenantId } from "../../values/ids.ts";

export type QueueKind = "events" | "timers" | "tasks" | "letters";

const { queues } = bullmqConfig;
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

/** One queue for all, or one a lane. */
export function wakeQueues(lanes: number): readonly string[] {
  return lanes === 1 ? [queues.events] : Array.from({ length: lanes }, (_, lane) => `${queues.events}-${lane}`);
}

/** All groups of a tenant share a lane, so a flood stays in its own. */
export function laneOf(tenant: TenantId, lanes: number): number {
  return Number.parseInt(hashOf(tenant).slice(0, 8), 16) % lanes;
}

/** A name that is not a plain word is replaced by its hash: `~` marks those, as no plain name holds one. */
export function taskQueue(name: string | undefined): string {
  if (name === undefined) return queues.tasks;
  return `${queues.tasks}-${PLAIN_NAME.test(name) ? name : `~${digest(name)}`}`;
}

/** Queues that an autoscaler's `tasks-<name>` may mean: as it is listed, or as its user wrote it. */
export function taskQueueOfLoadName(name: string): readonly string[] {
  if (!name.startsWith("tasks-")) return [];
  const own = name.slice("tasks-".length);
  return [`${queues.tasks}-${own}`, taskQueue(own)];
}

/** Whether an autoscaler that asks for `loadName` means the jobs that name this queue; undefined is the common one. */
export function isLoadNameOf(loadName: string, queue: string | undefined): boolean {
  return queue === undefined ? loadName === "tasks" : taskQueueOfLoadName(loadName).includes(taskQueue(queue));
}

export function loadNameOf(taskQueueName: string): string {
  return `tasks${taskQueueName.slice(queues.tasks.length)}`;
}

export function queueOfJob(job: Job): string {
  return job.kind === "timer" ? queues.timers : taskQueue(job.queue);
}

/** Job ids are hashes behind a letter: BullMQ trips over integers, colons and the names of its own keys. */
export function jobId(job: Job): string {
  return job.kind === "timer" ? timerId(job) : activityId(job);
}

/** Where a job cannot be delayed again while it runs, its second wait has this id, and the third the first one's. */
export function twinOf(timerJobId: string): string {
  return timerJobId.endsWith("-again") ? timerJobId.slice(0, -"-again".length) : `${timerJobId}-again`;
}

export function letterJobId(letterId: string): string {
  return `d${digest(letterId)}`;
}

export function deduplicationId(group: Group): string {
  return `g${digest(group.tenant, group.workflowId)}`;
}

function activityId(job: Pick<ActivityJob, "executionId" | "name" | "dispatch">): string {
  return `a${workDigest(job)}`;
}

function timerId(job: Pick<TimerJob, "executionId" | "name" | "dispatch">): string {
  return `t${workDigest(job)}`;
}

function workDigest(work: { executionId: ExecutionId; name: number; dispatch: number }): string {
  return digest(work.executionId, String(work.name), String(work.dispatch));
}

function digest(...parts: readonly string[]): string {
  return hashOf(...parts).slice(0, 40);
}
