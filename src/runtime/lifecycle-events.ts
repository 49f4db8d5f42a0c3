import type { HistoryEvent } from "../engine/events.ts";
import type { ExecutionState } from "../engine/index.ts";
import type { Frame } from "../engine/state.ts";
import type { ExecutionHead } from "../ports/event-store.ts";
import type { EventEnvelope } from "../values/cloud-event.ts";
import type { Json, JsonObject } from "../values/json.ts";
import { bytesBeyond } from "../values/json-size.ts";
import { problemToJson } from "../values/problem.ts";

const PREFIX = "io.serverlessworkflow.";
/** Larger outputs are left out: the history has them. */
const OUTPUT_MOST_BYTES = 65_536;

type OfWorkflow =
  | "started"
  | "suspended"
  | "resumed"
  | "correlation-started"
  | "correlation-completed"
  | "cancelled"
  | "faulted"
  | "completed";
type OfTask = "created" | "started" | "suspended" | "resumed" | "retried" | "cancelled" | "faulted" | "completed";
type Head = Pick<ExecutionHead, "executionId" | "tenant" | "workflowId" | "definition">;

/** A task that has begun and not ended. */
export type OpenTask = Pick<Frame, "id" | "task">;

/** True of events that are told of each open task too. */
export function tellsOpenTasks({ type }: HistoryEvent): boolean {
  return type === "execution.paused" || type === "execution.resumed" || type === "execution.cancelled";
}

/** In the order in which they began. */
export function openTasksIn({ frames }: ExecutionState): readonly OpenTask[] {
  return Object.values(frames)
    .filter(({ parent }) => parent !== 0)
    .map(({ id, task }) => ({ id, task }));
}

export function lifecycleOfTask({ type }: EventEnvelope): boolean {
  return type.startsWith(`${PREFIX}task.`);
}

/**
 * The lifecycle events of the DSL that a recorded event stands for, oldest first. Their ids are made of its name, so that a repeated
 * one is known by `source` and `id`.
 *
 * @param open the tasks that were, of an event that tells them.
 */
export function lifecycleEvents(
  event: HistoryEvent,
  head: Head,
  open: readonly OpenTask[] = [],
): readonly EventEnvelope[] {
  const at = new Date(event.at).toISOString();
  const { namespace, name, version } = head.definition;
  const qualified = `${name}-${head.executionId}.${namespace}`;
  const envelope = (kind: string, part: string, data: JsonObject): EventEnvelope => ({
    specversion: "1.0",
    id: `${head.executionId}.${event.sequence}.${part}`,
    source: `/${namespace}/${name}/${version}`,
    type: `${PREFIX}${kind}.v1`,
    subject: head.executionId,
    time: at,
    datacontenttype: "application/json",
    tenantid: head.tenant,
    workflowid: head.workflowId,
    executionid: head.executionId,
    data,
  });
  const workflow = (what: OfWorkflow, data: JsonObject) =>
    envelope(`workflow.${what}`, what, { name: qualified, ...data });
  const task = (what: OfTask, reference: string, data: JsonObject, part: string = what) =>
    envelope(`task.${what}`, part, { workflow: qualified, task: reference, ...data });
  const openTasks = (what: "suspended" | "resumed" | "cancelled", data: JsonObject) =>
    open.map(({ id, task: reference }) => task(what, reference, data, `${what}.${id}`));

  switch (event.type) {
    case "execution.started":
      return [workflow("started", { definition: { namespace, name, version }, startedAt: at })];
    case "execution.paused":
      return [workflow("suspended", { suspendedAt: at }), ...openTasks("suspended", { suspendedAt: at })];
    case "execution.resumed":
      return [workflow("resumed", { resumedAt: at }), ...openTasks("resumed", { resumedAt: at })];
    case "execution.retried":
      return [workflow("resumed", { resumedAt: at })];
    case "execution.cancelled":
      return [...openTasks("cancelled", { cancelledAt: at }), workflow("cancelled", { cancelledAt: at })];
    case "workflow.completed":
      return [workflow("completed", { completedAt: at, ...outputOf(event.data.output) })];
    case "workflow.failed":
      return [workflow("faulted", { faultedAt: at, error: problemToJson(event.data.error) })];
    case "task.started":
      return [task("created", event.data.task, { createdAt: at }), task("started", event.data.task, { startedAt: at })];
    case "task.completed":
      return [task("completed", event.data.task, { completedAt: at, ...outputOf(event.data.output) })];
    case "task.failed":
      return [task("faulted", event.data.task, { faultedAt: at, error: problemToJson(event.data.error) })];
    case "task.retried":
      return [task("retried", event.data.task, { retriedAt: at })];
    case "task.cancelled":
      return [task("cancelled", event.data.task, { cancelledAt: at })];
    case "event.subscribed":
      return [workflow("correlation-started", { startedAt: at })];
    case "event.received":
    case "event.processed":
      // Messages are no correlation.
      if (event.type === "event.processed" && event.data.message) return [];
      return event.data.last ? [workflow("correlation-completed", { completedAt: at, ...keysOf(event) })] : [];
    default:
      return [];
  }
}

function keysOf(event: Extract<HistoryEvent, { type: "event.received" | "event.processed" }>): JsonObject {
  if (event.type === "event.processed" || event.data.correlation === undefined) return {};
  return { correlationKeys: event.data.correlation };
}

function outputOf(output: Json): JsonObject {
  return bytesBeyond(output, OUTPUT_MOST_BYTES) === undefined ? { output } : {};
}
