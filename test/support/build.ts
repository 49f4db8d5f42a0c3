import type { DefinitionReference, HistoryEvent } from "../../src/engine/events.ts";
import type { NewFact } from "../../src/engine/facts.ts";
import type { OwedActivity, OwedTimer, OwedWork } from "../../src/engine/owed-work.ts";
import type { ExecutionSummary, NewDefinition } from "../../src/ports/database.ts";
import type { Commit, ExecutionHead, NewDeadLetter, StartCommand } from "../../src/ports/event-store.ts";
import { type ExecutionId, type Group, hashOf, newExecutionId, partitionOf } from "../../src/values/ids.ts";
import type { Json, JsonObject } from "../../src/values/json.ts";
import { problemOf } from "../../src/values/problem.ts";
import { NO_TIP, nextTip } from "../../src/values/tip.ts";

let serial = 0;
/** A number no builder has given before in this process. */
export function nextSerial(): number {
  serial += 1;
  return serial;
}

/** An event before it has a place in a history. */
type WithoutPlace<Event> = Event extends HistoryEvent ? Omit<Event, "sequence" | "at"> : never;
export type EventDraft = WithoutPlace<HistoryEvent>;

export function aGroup(over: Partial<Group> = {}): Group {
  return { tenant: "acme", workflowId: `order-${nextSerial()}`, ...over };
}

/** Ids of one process sort in the order in which they were made. */
export function anExecutionId(group: Group, partitions: number): ExecutionId {
  return newExecutionId(partitionOf(group, partitions), 1_700_000_000_000 + nextSerial());
}

export function aDefinitionReference(over: Partial<DefinitionReference> = {}): DefinitionReference {
  return { namespace: "shop", name: "order", version: "1.0.0", digest: hashOf("order"), ...over };
}

export interface StartOptions extends Partial<Pick<StartCommand, "executionId" | "definition" | "labels">> {
  readonly onOpen?: StartCommand["onOpen"];
  readonly reuse?: StartCommand["reuse"];
  readonly input?: Json;
}
export function aStart({ tenant, workflowId }: Group, partitions: number, options: StartOptions = {}): StartCommand {
  const group = { tenant, workflowId };
  const executionId = options.executionId ?? anExecutionId(group, partitions);
  const definition = options.definition ?? aDefinitionReference();
  const event: HistoryEvent = {
    type: "execution.started",
    sequence: 1,
    at: 0,
    source: "api-service",
    data: { executionId, ...group, definition, input: options.input ?? { total: 12 }, defaultTimeoutMs: 0 },
  };
  const { onOpen = "reject", reuse = "always", labels = {} } = options;
  return { executionId, ...group, definition, labels, event, tip: nextTip(NO_TIP, event), onOpen, reuse };
}

export function taskStarted(input: Json = null, key = "/do/0/step"): EventDraft {
  const data = { task: key, key, name: "step", kind: "set", parent: 1, index: 0, input };
  return { type: "task.started", source: "workflow-engine", data };
}
export function taskRequested(task = "/do/0/step"): EventDraft {
  const activity = { kind: "code", function: "charge", with: { amount: 3 } } as const;
  const data = { task, frame: 2, activity, idempotencyKey: "charge-1", attempt: 1 };
  return { type: "task.requested", source: "workflow-engine", data };
}
export function timerScheduled(fireAt: number, task = "/do/0/pause"): EventDraft {
  return { type: "timer.scheduled", source: "workflow-engine", data: { task, frame: 2, purpose: "wait", fireAt } };
}
export function workflowCompleted(output: Json = null): EventDraft {
  return { type: "workflow.completed", source: "workflow-engine", data: { output } };
}
export function workflowFailed(detail = "no stock"): EventDraft {
  return {
    type: "workflow.failed",
    source: "workflow-engine",
    data: { error: problemOf("runtime", detail), frame: 1 },
  };
}

export function anActivity(name: number, over: Partial<OwedActivity> = {}): OwedActivity {
  return { kind: "activity", name, task: "/do/0/step", ...over };
}
export function aTimer(name: number, fireAt: number, over: Partial<OwedTimer> = {}): OwedTimer {
  return { kind: "timer", name, task: "/do/0/pause", purpose: "wait", fireAt, ...over };
}

export interface CommitOptions extends Partial<Omit<Commit, "events" | "owed" | "tip">> {
  readonly events?: readonly EventDraft[];
  readonly add?: readonly { readonly work: OwedWork; readonly lookAt: number; readonly claimed?: boolean }[];
  readonly remove?: readonly number[];
  /** Of the events. */
  readonly at?: number;
}
/** A commit that follows `head`: its events get their places and the tip after them. */
export function aCommit(head: ExecutionHead, options: CommitOptions = {}): Commit {
  const { events: drafts = [taskStarted()], add = [], remove = [], at = head.startedAt, ...rest } = options;
  const events = drafts.map((draft, i): HistoryEvent => ({ ...draft, sequence: head.version + 1 + i, at }));
  const { version, tip, heard } = head;
  return {
    expected: { version, tip, heard },
    taken: 0,
    status: "RUNNING",
    ...rest,
    events,
    tip: events.reduce(nextTip, tip),
    owed: { add, remove },
  };
}

export function aMessage(over: Partial<Extract<NewFact, { kind: "message" }>> = {}): NewFact {
  const id = `message-${nextSerial()}`;
  return { id, kind: "message", source: "api-service", message: { type: "pause", reason: "lunch" }, ...over };
}
export function anAnswer(asked: number, output: Json = "done"): NewFact {
  return {
    id: `answer-${nextSerial()}`,
    kind: "answer",
    source: "executor-service",
    asked,
    outcome: { ok: true, output },
  };
}

export function aLetter(head: ExecutionHead, over: Partial<NewDeadLetter> = {}): NewDeadLetter {
  const { executionId, tenant, workflowId, definition } = head;
  return {
    id: `${executionId}-e${nextSerial()}`,
    kind: "event",
    executionId,
    tenant,
    workflowId,
    definition,
    name: null,
    task: null,
    error: problemOf("runtime", "it broke"),
    stack: "Error: it broke\n  at do",
    attempts: 3,
    ...over,
  };
}

export function aDefinition(over: Partial<Omit<NewDefinition, "document">> & { readonly extra?: Json } = {}) {
  const { extra = null, ...rest } = over;
  const named = { tenant: "acme", namespace: "shop", name: "order", version: "1.0.0", ...rest };
  const { namespace, name, version } = named;
  const document: JsonObject = { document: { dsl: "1.0.3", namespace, name, version }, do: [], extra };
  const source = `# as the author wrote it\nname: ${name}\n`;
  const made: NewDefinition = { digest: hashOf(JSON.stringify(document)), source, ...named, document };
  return made;
}

export function aSummary(over: Partial<ExecutionSummary> = {}): ExecutionSummary {
  const executionId = newExecutionId(0, 1_700_000_000_000 + nextSerial());
  return {
    executionId,
    tenant: "acme",
    workflowId: `order-${executionId}`,
    definition: aDefinitionReference(),
    status: "RUNNING",
    version: 1,
    labels: {},
    startedAt: 1_700_000_000_000 + nextSerial(),
    endedAt: null,
    ...over,
  };
}
