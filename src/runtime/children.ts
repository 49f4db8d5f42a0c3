import type { ExecutionStarted, HistoryEvent, ParentReference, TaskRequested } from "../engine/events.ts";
import type { ExecutionState } from "../engine/index.ts";
import type { ExecutionHead } from "../ports/event-store.ts";
import type { Outcome } from "../ports/executor.ts";
import { type ExecutionId, hashOf, newExecutionId, partitionOf, type WorkflowId } from "../values/ids.ts";
import { type Problem, problemOf } from "../values/problem.ts";
import { isClosed } from "../values/status.ts";
import { NO_TIP, nextTip } from "../values/tip.ts";
import type { Ports } from "./ports.ts";
import { tellLists, wakeSoon } from "./tell.ts";

type Asker = Pick<ExecutionHead, "executionId" | "tenant" | "workflowId">;

/** What a child execution is called: made of what asked for it, so that asking again finds it. */
export function childOf(
  parent: Pick<Asker, "executionId" | "tenant">,
  asked: number,
  partitions: number,
): { readonly executionId: ExecutionId; readonly workflowId: WorkflowId } {
  const workflowId = `${parent.executionId}.${asked}`;
  const partition = partitionOf({ tenant: parent.tenant, workflowId }, partitions);
  return { workflowId, executionId: newExecutionId(partition, 0, hashOf("child", parent.executionId, String(asked))) };
}

/**
 * Starts a child that is owed; repeatable. What cannot start is answered with its error; one whose end nobody waits for is answered
 * once it has started.
 *
 * @param event the `task.requested` that asks for it, when it is at hand.
 */
export async function startChild(ports: Ports, parent: Asker, name: number, event?: HistoryEvent): Promise<void> {
  const request = event ?? (await eventAt(ports, parent.executionId, name));
  if (request?.type !== "task.requested" || request.data.activity.child === undefined) {
    throw new Error(`event ${name} of ${parent.executionId} asks for no child`);
  }
  const { child } = request.data.activity;
  const refusal = await open(ports, parent, request);
  if (refusal !== undefined) await answer(ports, parent, name, { ok: false, error: refusal });
  else if (!child.await) await answer(ports, parent, name, { ok: true, output: null });
}

/** Undefined once the child exists; else why it cannot. */
async function open(ports: Ports, parent: Asker, request: TaskRequested): Promise<Problem | undefined> {
  const { events, database, definitions, settings } = ports;
  const { tenant } = parent;
  const asked = request.sequence;
  const { executionId, workflowId } = childOf(parent, asked, settings.partitions);
  // The definition may have been unlisted since an earlier start.
  const [earlier] = await events.heads([executionId]);
  if (earlier) return undefined;
  const { child, with: input = {} } = request.data.activity;
  if (child === undefined) throw new Error(`event ${asked} of ${parent.executionId} asks for no child`);
  const stored = await database.definition(tenant, child.namespace, child.name, child.version);
  if (stored === null) {
    const path = [child.namespace, child.name, ...(child.version === undefined ? [] : [child.version])].join("/");
    return problemOf("configuration", `no definition ${path} is registered`);
  }
  const { namespace, name, version, digest } = stored;
  const workflow = await definitions.get(tenant, digest);
  const wrong = workflow.input.schema?.check(input);
  if (wrong !== undefined) return problemOf("validation", `input of ${namespace}/${name}/${version}: ${wrong}`);
  const first = await eventAt(ports, parent.executionId, 1);
  const above = first?.type === "execution.started" ? first.data : undefined;
  const reference: ParentReference = {
    executionId: parent.executionId,
    workflowId: parent.workflowId,
    asked,
    await: child.await,
    depth: (above?.parent?.depth ?? 0) + 1,
  };
  const event: ExecutionStarted = {
    type: "execution.started",
    sequence: 1,
    at: request.at,
    source: "workflow-engine",
    data: {
      executionId,
      tenant,
      workflowId,
      definition: { namespace, name, version, digest },
      input,
      defaultTimeoutMs: above?.defaultTimeoutMs ?? 0,
      parent: reference,
      ...(above?.trace === undefined ? {} : { trace: above.trace }),
    },
  };
  const started = await events.start({
    executionId,
    tenant,
    workflowId,
    definition: event.data.definition,
    labels: {},
    event,
    tip: nextTip(NO_TIP, event),
    onOpen: "use-existing",
    reuse: "always",
  });
  if (started.result === "created") ports.metrics.started();
  // Somebody may have given it up while this process stood still, and found no child to cancel.
  if (child.await && !(await isOwed(ports, parent.executionId, asked))) await cancelChild(ports, parent, asked);
  await Promise.all([wakeSoon(ports, started.head, "execution.started"), tellLists(ports, started.head)]);
  return undefined;
}

async function isOwed({ events }: Ports, executionId: ExecutionId, name: number): Promise<boolean> {
  return (await events.describe(executionId))?.owed.some((entry) => entry.name === name) ?? false;
}

/** Tells a child that nobody waits for its end any more; harmless when it has ended or never started. */
async function cancelChild(ports: Ports, parent: Asker, asked: number): Promise<void> {
  const child = childOf(parent, asked, ports.settings.partitions);
  const told = await ports.events.append(child.executionId, {
    kind: "message",
    id: "cancelled-by-parent",
    source: "workflow-engine",
    message: { type: "cancel", reason: `its parent ${parent.executionId} does not wait for it any more` },
  });
  if (told === "full") throw new Error(`the inbox of child ${child.executionId} has no room for its cancellation`);
  if (told === "accepted") {
    await wakeSoon(ports, { tenant: parent.tenant, ...child }, "execution.cancelled");
  }
}

/** Cancels the children given up since what was settled last; repeated until it is settled. */
export async function cancelAbandoned(ports: Ports, head: ExecutionHead, state: ExecutionState): Promise<void> {
  for (const { name, at } of state.abandoned) {
    if (at > head.settled) await cancelChild(ports, head, name);
  }
}

/** Word of an execution's end to the one that waits for it; owed until its inbox has it, since nothing is settled before. */
export async function tellParent(ports: Ports, child: ExecutionHead, parent: ParentReference): Promise<void> {
  if (!parent.await) return;
  const outcome = await outcomeOf(ports, child);
  await answer(ports, { tenant: child.tenant, ...parent }, parent.asked, outcome);
}

async function outcomeOf({ events }: Ports, { executionId, status }: ExecutionHead): Promise<Outcome> {
  const last = await events.history(executionId, { after: 0, limit: LAST_FEW, order: "desc" });
  for (const event of last ?? []) {
    if (event.type === "workflow.completed") return { ok: true, output: event.data.output };
    if (event.type === "workflow.failed") return { ok: false, error: event.data.error };
    if (event.type === "execution.cancelled") break;
  }
  return { ok: false, error: problemOf("runtime", `child execution ${executionId} ended as ${status}`) };
}

/** The event that closed an execution is nearly always its last. */
const LAST_FEW = 20;

async function answer(ports: Ports, parent: Asker, asked: number, outcome: Outcome): Promise<void> {
  const fact = { kind: "answer", id: `c${asked}`, source: "workflow-engine", asked, outcome } as const;
  const told = await ports.events.append(parent.executionId, fact);
  if (told === "accepted") await wakeSoon(ports, parent, outcome.ok ? "task.completed" : "task.failed");
}

/** A look at a child that should have answered by now. True when it had to be started. */
export async function lookAtChild(ports: Ports, parent: Asker, name: number): Promise<boolean> {
  const { executionId } = childOf(parent, name, ports.settings.partitions);
  const [child] = await ports.events.heads([executionId]);
  if (!child) {
    await startChild(ports, parent, name);
    return true;
  }
  const request = await eventAt(ports, parent.executionId, name);
  const awaits = request?.type === "task.requested" && request.data.activity.child?.await === true;
  if (!awaits) await answer(ports, parent, name, { ok: true, output: null });
  else if (isClosed(child.status)) await answer(ports, parent, name, await outcomeOf(ports, child));
  return false;
}

async function eventAt(
  { events }: Ports,
  executionId: ExecutionId,
  sequence: number,
): Promise<HistoryEvent | undefined> {
  return (await events.history(executionId, { after: sequence - 1, limit: 1, order: "asc" }))?.[0];
}
