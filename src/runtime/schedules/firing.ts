import type { TimerJob } from "../../ports/queues.ts";
import type { CollectedEvent, Firing, ScheduleKey, StoredSchedule } from "../../ports/schedules.ts";
import { type Group, hashOf, type TenantId } from "../../values/ids.ts";
import { executionIdOf } from "../start-execution.ts";

/** Labels of scheduled executions. The second one is of those that a time started. */
export const SCHEDULE_LABEL = "durabull/schedule";
export const SCHEDULED_FOR_LABEL = "durabull/scheduled-for";

/** All starts of a firing are one. */
const ONCE = "schedule";

/** The firing of a nominal time. A workflow ID of its own lets executions of one schedule run side by side. */
export function firingAt(key: ScheduleKey, at: number, partitions: number): Firing {
  return firing(key, "time", at, new Date(at).toISOString(), partitions);
}

/** @param id names the request, in every try. */
export function firingOfTrigger(key: ScheduleKey, at: number, id: string, partitions: number): Firing {
  return firing(key, "trigger", at, `trigger-${id}`, partitions);
}

/** Names of events that are kept of a firing; there may be more. */
const NAMES_KEPT = 10;

/** The firing of events that completed a collection; what it is called follows from them. */
export function firingOfEvents(
  key: ScheduleKey,
  at: number,
  events: readonly CollectedEvent[],
  partitions: number,
): Firing {
  const id = hashOf(...events.flatMap(({ source, id }) => [source, id])).slice(0, 32);
  const names = events.slice(0, NAMES_KEPT).map(({ source, id, type }) => ({ source, id, type }));
  const input = events.map(({ value }) => value);
  return { ...firing(key, "event", at, `event-${id}`, partitions), input, events: names };
}

function firing(key: ScheduleKey, kind: Firing["kind"], at: number, what: string, partitions: number): Firing {
  const group: Group = { tenant: key.tenant, workflowId: `${pathOf(key)}@${what}` };
  const executionId = executionIdOf(group, ONCE, partitions);
  return { kind, at, once: ONCE, workflowId: group.workflowId, executionId };
}

export function labelsOf(key: ScheduleKey, { kind, at }: Firing): Readonly<Record<string, string>> {
  const nominal = kind === "time" ? { [SCHEDULED_FOR_LABEL]: new Date(at).toISOString() } : {};
  return { [SCHEDULE_LABEL]: pathOf(key), ...nominal };
}

/** The schedule that an execution says it is of; anybody may set a label, so it is a hint. */
export function scheduleOfLabels(tenant: TenantId, labels: Readonly<Record<string, string>>): ScheduleKey | undefined {
  const [namespace, name, ...rest] = (labels[SCHEDULE_LABEL] ?? "").split("/");
  return namespace && name && rest.length === 0 ? { tenant, namespace, name } : undefined;
}

export function pathOf({ namespace, name }: Pick<ScheduleKey, "namespace" | "name">): string {
  return `${namespace}/${name}`;
}

/** The job of the next time; its id is made of schedule and time. Undefined when nothing is to come. */
export function timerOf(stored: StoredSchedule, now: number, partitions: number): TimerJob | undefined {
  const { tenant, namespace, name, record } = stored;
  if (record.nextAt === null) return undefined;
  const { executionId, workflowId } = firingAt(stored, record.nextAt, partitions);
  const schedule = { namespace, name };
  return { kind: "timer", tenant, workflowId, executionId, schedule, name: 0, dispatch: 0, fireAt: record.nextAt, now };
}
