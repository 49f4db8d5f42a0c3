import { randomUUID } from "node:crypto";
import type { DeadLetter, ExecutionHead, NewDeadLetter, OwedEntry, UnparkResult } from "../ports/event-store.ts";
import type { LetterJob } from "../ports/queues.ts";
import type { ExecutionId, TenantId } from "../values/ids.ts";
import { type Problem, problemOf } from "../values/problem.ts";
import { jobOf } from "./dispatch.ts";
import type { Ports } from "./ports.ts";

type LetterPorts = Pick<Ports, "events" | "queues" | "log" | "metrics">;

/** The engine cannot process this execution (any more): it stops until somebody redrives it. */
export async function parkWake(
  ports: LetterPorts,
  executionId: ExecutionId,
  thrown: unknown,
  attempts: number,
): Promise<void> {
  const [head] = await ports.events.heads([executionId]);
  if (!head) return;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  await park(ports, {
    ...originOf(head),
    // A letter is redriven once: what fails again after that, at the same version, is another letter.
    id: `${executionId}-e${head.version}-${randomUUID().slice(0, 8)}`,
    kind: "event",
    name: null,
    task: null,
    error: problemOf("runtime", error.message),
    stack: error.stack ?? null,
    attempts,
  });
}

/** An activity whose process died too often. */
export async function parkActivity(
  ports: LetterPorts,
  head: ExecutionHead,
  name: number,
  task: string,
  attempt: number,
  deaths: number,
): Promise<void> {
  await park(ports, {
    ...originOf(head),
    id: `${head.executionId}-a${name}-${attempt}`,
    kind: "activity",
    name,
    task,
    error: problemOf("runtime", `the process that ran this activity ended ${deaths} times before it answered`, {
      instance: task,
    }),
    stack: null,
    attempts: deaths,
  });
}

/** A failed execution: redriving it retries the failed task in place. */
export async function parkExecution(ports: LetterPorts, head: ExecutionHead): Promise<void> {
  const last = await ports.events.history(head.executionId, { after: 0, limit: 1, order: "desc" });
  const failed = last?.[0];
  if (failed?.type !== "workflow.failed") return;
  await park(ports, {
    ...originOf(head),
    id: `${head.executionId}-f${head.version}`,
    kind: "execution",
    name: null,
    task: failed.data.task ?? null,
    error: failed.data.error,
    stack: null,
    attempts: 1,
  });
}

function originOf(head: ExecutionHead) {
  const { executionId, tenant, workflowId, definition } = head;
  return { executionId, tenant, workflowId, definition };
}

/** The letter first, then its job: a lost job is rebuilt from the letter. */
async function park(ports: LetterPorts, letter: NewDeadLetter): Promise<void> {
  const { tenant, workflowId, executionId } = letter;
  await ports.events.park(letter);
  ports.metrics.deadLetter(letter.kind);
  ports.log.warn({ tenant, workflowId, executionId, letter: letter.id, kind: letter.kind }, "parked as a dead letter");
  await showLetter(ports, letter);
}

/** Adds the job that shows a letter. One that was redriven meanwhile is not to be seen among what failed. */
export async function showLetter(ports: Pick<Ports, "events" | "queues">, letter: NewDeadLetter): Promise<void> {
  await ports.queues.deadLetter(letterJob(letter));
  const stored = await ports.events.letter(letter.tenant, letter.id);
  if (stored === null || stored.redrivenAt !== null) await ports.queues.removeDeadLetter(letter.id);
}

function letterJob(letter: NewDeadLetter): LetterJob {
  const { id, tenant, executionId, workflowId, kind, stack } = letter;
  return { id, tenant, executionId, workflowId, kind, message: messageOf(letter.error, letter.task), stack };
}

function messageOf(error: Problem, task: string | null): string {
  return `${error.title ?? error.type} (${error.status})${task === null ? "" : ` at ${task}`}: ${error.detail ?? ""}`;
}

type RedrivePorts = Pick<Ports, "events" | "queues" | "log"> & {
  /** HISTORY_MAX_EVENTS; absent: no limit. */
  readonly historyEvents?: number | undefined;
};

/** `history-full`: it would fail at once again, for its history has as many events as it may. */
export type RedriveResult = UnparkResult | { readonly result: "history-full" };

/**
 * Takes a letter back into the flow, once: from the API or from Bull Board's own Retry. Jobs that cannot be added now are seen to
 * by attention.
 */
export async function redrive(ports: RedrivePorts, tenant: TenantId, letterId: string): Promise<RedriveResult> {
  if (await isHistoryFull(ports, tenant, letterId)) return { result: "history-full" };
  const unparked = await ports.events.unpark(tenant, letterId);
  if (unparked.result !== "redriven") return unparked;
  const { letter } = unparked;
  const of = { tenant, executionId: letter.executionId, letter: letterId };
  ports.log.info(of, "dead letter redriven");
  try {
    if (letter.kind === "activity") await dispatchAgain(ports, letter);
    await ports.queues.wake(letter, "execution.retried");
  } catch (error) {
    ports.log.warn({ ...of, err: error }, "the redriven work is not queued yet");
  }
  return unparked;
}

async function isHistoryFull({ events, historyEvents }: RedrivePorts, tenant: TenantId, letterId: string) {
  if (historyEvents === undefined) return false;
  const letter = await events.letter(tenant, letterId);
  if (letter?.kind !== "execution" || letter.redrivenAt !== null) return false;
  const [head] = await events.heads([letter.executionId]);
  return head !== null && head !== undefined && head.status === "FAILED" && head.version >= historyEvents;
}

async function dispatchAgain(ports: RedrivePorts, letter: DeadLetter): Promise<void> {
  const description = await ports.events.describe(letter.executionId);
  const entry = description?.owed.find(({ name }) => name === letter.name);
  if (description === null || entry === undefined) return;
  await redispatch(ports, description.head, entry, description.now);
}

/** Sends owed work again under its next dispatch number, which is stored first: a job id is never used twice. */
export async function redispatch(
  ports: Pick<Ports, "events" | "queues">,
  head: Pick<ExecutionHead, "executionId" | "tenant" | "workflowId">,
  entry: OwedEntry,
  now: number,
  lookAt = now + 30_000,
): Promise<void> {
  const dispatch = entry.dispatch + 1;
  await ports.events.looked(head.executionId, { entries: [{ name: entry.name, dispatch, lookAt }], lookAt });
  const job = jobOf(head, entry, dispatch, now, Number.POSITIVE_INFINITY);
  if (job !== undefined) await ports.queues.dispatch([job]);
}
