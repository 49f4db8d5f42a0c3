import { randomUUID } from "node:crypto";
import type { DefinitionReference, HistoryEvent } from "../engine/events.ts";
import { ConflictError, InboxFullError, NotFoundError } from "../errors.ts";
import type { Database, ExecutionFilter, ExecutionSummary, KeyUse } from "../ports/database.ts";
import type {
  DeadLetter,
  Description,
  EventStore,
  ExecutionHead,
  HistoryPage,
  Page,
  Paged,
} from "../ports/event-store.ts";
import type { Log } from "../ports/executor.ts";
import type { RuntimeMetrics } from "../ports/metrics.ts";
import type { Notices } from "../ports/notices.ts";
import type { Queues } from "../ports/queues.ts";
import { type ExecutionId, isExecutionId, type TenantId, type WorkflowId } from "../values/ids.ts";
import type { Json } from "../values/json.ts";
import type { Problem } from "../values/problem.ts";
import { type ExecutionStatus, isClosed } from "../values/status.ts";
import { createAdmission, type TenantLimits } from "./admission.ts";
import { type ChangeFeed, createChangeFeed } from "./change-feed.ts";
import { followHistory } from "./follow-history.ts";
import { createHeadWatcher } from "./head-watcher.ts";
import { jobsOf } from "./owed-jobs.ts";
import type { Definitions } from "./ports.ts";
import { redriveLetter } from "./redrive-letter.ts";
import { beginOnce, type Once } from "./request-keys.ts";
import { createStarter, type StartPorts, type StartRequest } from "./start-execution.ts";
import { createStateReader, type StateView } from "./state-at.ts";
import { surroundingsOf } from "./surroundings.ts";
import { type TaskListPage, type TaskListStart, taskListFold } from "./task-list.ts";
import { tellLists, wakeSoon } from "./tell.ts";
import { tenantMaker } from "./tenant-maker.ts";
import { endedError, terminateExecution } from "./terminate-execution.ts";
import { type WaitReason, waitingFor } from "./waiting-for.ts";
import { type WorkflowHistoryPage, type WorkflowHistoryStart, workflowHistory } from "./workflow-history.ts";

/** Owed activities looked at more closely by a view, so that its cost has a bound. */
const FOLD_PAGE = 1_000;
/** Events searched backwards for the one that closed an execution. */
const CLOSING_WITHIN = 20;

export interface ExecutionServiceDeps {
  readonly events: EventStore;
  readonly database: Database;
  readonly queues: Queues;
  /** The number the store holds. */
  readonly partitions: number;
  /** `WORKFLOW_TIMEOUT_SECONDS` in milliseconds, for definitions without their own limit; 0 = none. */
  readonly defaultTimeoutMs: number;
  /** Absent: none. */
  readonly limits?: ServiceLimits;
  readonly log: Log;
  readonly metrics?: Pick<RuntimeMetrics, "started">;
  /** Absent: whoever waits finds out by looking. */
  readonly notices?: Notices;
  /** How many processes take activities from a queue (full name), when that can be told. */
  readonly activityWorkers?: (queue: string) => Promise<number | undefined>;
  /** Absent: what an execution listens for is not told. */
  readonly definitions?: Definitions;
  readonly now?: () => number;
}

export interface ServiceLimits extends TenantLimits {
  readonly payloadBytes: number;
  readonly historyEvents: number;
  readonly inboxMessages: number;
}

/** What the API asks of executions. Everything is confined to the tenant: another's is as good as not there. */
export interface ExecutionService {
  /** A request under an `Idempotency-Key`, before anything is done. @throws {KeyReusedError} */
  begin(use: Omit<KeyUse, "id">): Promise<Once>;
  start(request: StartRequest): Promise<Started>;
  /** True when it ended within `ms`. Costs few reads, however many wait. */
  waitForEnd(executionId: ExecutionId, ms: number, signal?: AbortSignal): Promise<boolean>;
  view(tenant: TenantId, executionId: ExecutionId): Promise<ExecutionView>;
  /** May lag behind the logs. */
  list(tenant: TenantId, filter: ExecutionFilter, page: Page): Promise<Paged<ExecutionSummary>>;
  history(tenant: TenantId, executionId: ExecutionId, page: HistoryPage): Promise<ExecutionHistory>;
  /**
   * Events after a sequence, then those that come, until it has closed or `signal` aborts.
   * @throws {RangeError} for a sequence later than the last.
   */
  followHistory(
    tenant: TenantId,
    executionId: ExecutionId,
    after: number,
    signal: AbortSignal,
  ): Promise<FollowedHistory>;
  /** Changes of status, of the tenant's executions. */
  readonly followChanges: ChangeFeed["follow"];
  /** As it was after event `at`; by default the last. @throws {RangeError} for one that there is not. */
  stateAt(tenant: TenantId, executionId: ExecutionId, at?: number): Promise<ExecutionStateView>;
  deadLetter(tenant: TenantId, letterId: string): Promise<DeadLetter>;
  tasks(tenant: TenantId, executionId: ExecutionId, start: TaskListStart, limit: number): Promise<TaskListPage>;
  /** Beside a `once` (see there), an action that was done under it before is not done again, and answered alike. */
  cancel(tenant: TenantId, executionId: ExecutionId, reason?: string, once?: Once): Promise<void>;
  pause(tenant: TenantId, executionId: ExecutionId, reason?: string, once?: Once): Promise<void>;
  resume(tenant: TenantId, executionId: ExecutionId, reason?: string, once?: Once): Promise<void>;
  terminate(tenant: TenantId, executionId: ExecutionId, reason?: string, once?: Once): Promise<void>;
  /** Over all its executions, oldest first. */
  workflowHistory(
    tenant: TenantId,
    workflowId: WorkflowId,
    start: WorkflowHistoryStart | undefined,
    limit: number,
  ): Promise<WorkflowHistoryPage>;
  deadLetters(tenant: TenantId, page: Page): Promise<Paged<DeadLetter>>;
  redrive(tenant: TenantId, letterId: string, once?: Once): Promise<DeadLetter>;
  discardLetter(tenant: TenantId, letterId: string): Promise<void>;
  /** Answers everybody who waits, with what is so far. */
  close(): void;
}

export type Started =
  | { readonly result: "created" | "existing"; readonly head: ExecutionHead }
  | { readonly result: "refused"; readonly head: ExecutionHead; readonly error: ConflictError };

export interface ExecutionView {
  readonly executionId: ExecutionId;
  readonly workflowId: WorkflowId;
  readonly tenant: TenantId;
  readonly definition: DefinitionReference;
  /** The execution whose `run` task started it. */
  readonly parent?: { readonly executionId: ExecutionId; readonly workflowId: WorkflowId };
  readonly status: ExecutionStatus;
  readonly input: Json;
  readonly output?: Json;
  readonly error?: Problem;
  readonly labels: Readonly<Record<string, string>>;
  /** Epoch milliseconds, store time. */
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly historyLength: number;
  readonly waitingFor: readonly WaitReason[];
}

export interface ExecutionHistory {
  readonly head: ExecutionHead;
  readonly events: readonly HistoryEvent[];
}

export interface FollowedHistory {
  readonly head: ExecutionHead;
  /** Nothing comes after the sequence asked for: it has closed. */
  readonly isOver: boolean;
  readonly pages: AsyncGenerator<readonly HistoryEvent[], void, undefined>;
}
export interface ExecutionStateView extends StateView {
  readonly head: ExecutionHead;
}

export function createExecutionService(deps: ExecutionServiceDeps): ExecutionService {
  const { events, database, queues, log } = deps;
  const watcher = createHeadWatcher(events, deps.notices);
  const feed = createChangeFeed(database, deps.notices);
  const states = createStateReader(events);
  const { limits } = deps;
  const ports: StartPorts = {
    ...deps,
    now: deps.now ?? Date.now,
    ensureTenant: tenantMaker(database),
    ...(limits === undefined
      ? {}
      : { admission: createAdmission(events, limits), payloadMaxBytes: limits.payloadBytes }),
  };

  const starter = createStarter({ ...ports, ...deps });

  async function headOf(tenant: TenantId, executionId: ExecutionId): Promise<ExecutionHead> {
    const [head] = isExecutionId(executionId) ? await events.heads([executionId]) : [];
    if (head?.tenant !== tenant) throw new NotFoundError("execution", executionId);
    return head;
  }

  async function describe(tenant: TenantId, executionId: ExecutionId): Promise<Description> {
    const description = isExecutionId(executionId) ? await events.describe(executionId) : null;
    if (description?.head.tenant !== tenant) throw new NotFoundError("execution", executionId);
    return description;
  }

  async function start(request: StartRequest): Promise<Started> {
    const started = await starter(request);
    if (started.result !== "refused") return started;
    return { result: "refused", head: started.head, error: refusal(started.because, started.head) };
  }

  async function tell(
    type: "cancel" | "pause" | "resume",
    eventType: string,
    tenant: TenantId,
    executionId: ExecutionId,
    reason: string | undefined,
    once: Once | undefined,
  ): Promise<void> {
    const head = await headOf(tenant, executionId);
    const message = { type, ...(reason === undefined ? {} : { reason }) };
    const answer = await events.append(executionId, {
      kind: "message",
      id: once?.id ?? randomUUID(),
      source: "api-service",
      message,
    });
    switch (answer) {
      case "closed":
        throw endedError(await headOf(tenant, executionId));
      case "full":
        throw new InboxFullError(
          executionId,
          `INBOX_MAX_MESSAGES${limits === undefined ? "" : `=${limits.inboxMessages}`}`,
        );
      case "unknown":
        throw new NotFoundError("execution", executionId);
      default:
        await wakeSoon(deps, head, eventType);
    }
  }

  /** The event that closed it, with its output or error: nearly always the last one. */
  async function closingEvent({ head, last }: Description): Promise<HistoryEvent | undefined> {
    if (!isClosed(head.status) || isClosing(last)) return last;
    const page = { after: 0, limit: CLOSING_WITHIN, order: "desc" } as const;
    return (await events.history(head.executionId, page))?.find(isClosing);
  }

  async function view(tenant: TenantId, executionId: ExecutionId): Promise<ExecutionView> {
    const description = await describe(tenant, executionId);
    const { head, first } = description;
    const closing = isClosed(head.status) ? await closingEvent(description) : undefined;
    return {
      executionId,
      workflowId: head.workflowId,
      tenant,
      definition: head.definition,
      ...parentOf(first),
      status: head.status,
      input: first.type === "execution.started" ? first.data.input : null,
      ...(closing?.type === "workflow.completed" ? { output: closing.data.output } : {}),
      ...(closing?.type === "workflow.failed" ? { error: closing.data.error } : {}),
      labels: head.labels,
      startedAt: head.startedAt,
      ...(head.endedAt === null ? {} : { endedAt: head.endedAt }),
      historyLength: head.version,
      waitingFor: isClosed(head.status)
        ? []
        : waitingFor(description, await surroundingsOf({ ...deps, states }, description)),
    };
  }

  async function history(tenant: TenantId, executionId: ExecutionId, page: HistoryPage): Promise<ExecutionHistory> {
    const head = await headOf(tenant, executionId);
    return { head, events: (await events.history(executionId, page)) ?? [] };
  }

  async function tasks(tenant: TenantId, executionId: ExecutionId, start: TaskListStart, limit: number) {
    const { owed } = await describe(tenant, executionId);
    const fold = taskListFold(start, limit);
    for (let after = start.after; ; ) {
      const page = (await events.history(executionId, { after, limit: FOLD_PAGE, order: "asc" })) ?? [];
      for (const event of page) fold.add(event);
      const last = page.at(-1);
      if (last === undefined || page.length < FOLD_PAGE || fold.isComplete()) return fold.page(owed);
      after = last.sequence;
    }
  }

  async function follow(tenant: TenantId, executionId: ExecutionId, after: number, signal: AbortSignal) {
    const head = await headOf(tenant, executionId);
    if (after > head.version) throw new RangeError(`the history has ${head.version} events`);
    const pages = followHistory(events, watcher, executionId, after, signal);
    return { head, isOver: isClosed(head.status) && after === head.version, pages };
  }

  async function stateAt(tenant: TenantId, executionId: ExecutionId, at?: number): Promise<ExecutionStateView> {
    const head = await headOf(tenant, executionId);
    if (at !== undefined && at > head.version) throw new RangeError(`the history has ${head.version} events`);
    return { head, ...(await states.read(head, at ?? head.version)) };
  }

  async function deadLetter(tenant: TenantId, letterId: string): Promise<DeadLetter> {
    const letter = await events.letter(tenant, letterId);
    if (letter === null) throw new NotFoundError("dead letter", letterId);
    return letter;
  }

  async function terminate(tenant: TenantId, executionId: ExecutionId, reason?: string, once?: Once): Promise<void> {
    await headOf(tenant, executionId);
    const { head, before } = await terminateExecution(events, executionId, reason, once?.isRepeat);
    await Promise.all([wakeSoon(deps, head, "execution.cancelled"), tellLists(deps, head)]);
    await queues.remove(jobsOf(head, before.owed, before.now)).catch(() => undefined); // stale jobs do nothing
  }

  async function redrive(tenant: TenantId, letterId: string, once?: Once): Promise<DeadLetter> {
    const retried = { events, queues, log, historyEvents: limits?.historyEvents };
    const letter = await redriveLetter(retried, tenant, letterId, once?.isRepeat);
    await queues.removeDeadLetter(letterId).catch(() => undefined); // a stale letter job redrives nothing
    return letter;
  }

  async function discardLetter(tenant: TenantId, letterId: string): Promise<void> {
    const answer = await events.removeLetter(tenant, letterId);
    if (answer === "unknown") throw new NotFoundError("dead letter", letterId);
    if (answer === "open") {
      throw new ConflictError(
        "DURABULL_LETTER_IN_USE",
        `dead letter ${letterId} stops an open execution; redrive it, or end the execution first`,
      );
    }
    await queues.removeDeadLetter(letterId).catch(() => undefined);
  }

  return {
    start,
    waitForEnd: watcher.ended,
    view,
    list: (tenant, filter, page) => database.executions(tenant, filter, page),
    history,
    followHistory: follow,
    followChanges: feed.follow,
    stateAt,
    deadLetter,
    tasks,
    cancel: (tenant, id, reason, once) => tell("cancel", "execution.cancelled", tenant, id, reason, once),
    pause: (tenant, id, reason, once) => tell("pause", "execution.paused", tenant, id, reason, once),
    resume: (tenant, id, reason, once) => tell("resume", "execution.resumed", tenant, id, reason, once),
    terminate,
    workflowHistory: (tenant, workflowId, from, limit) => workflowHistory(events, { tenant, workflowId }, from, limit),
    deadLetters: (tenant, page) => events.letters(tenant, page),
    begin: (use) => beginOnce(database, use),
    redrive,
    discardLetter,
    close() {
      watcher.close();
      feed.close();
    },
  };
}

function parentOf(first: HistoryEvent): Pick<ExecutionView, "parent"> {
  const parent = first.type === "execution.started" ? first.data.parent : undefined;
  return parent === undefined ? {} : { parent: { executionId: parent.executionId, workflowId: parent.workflowId } };
}

function refusal(because: "open" | "reuse", { workflowId, executionId, status }: ExecutionHead): ConflictError {
  return because === "open"
    ? new ConflictError(
        "DURABULL_EXECUTION_OPEN",
        `workflow ID "${workflowId}" has an open execution: ${executionId} is ${status}`,
      )
    : new ConflictError(
        "DURABULL_WORKFLOW_ID_USED",
        `"reuse" forbids another execution of workflow ID "${workflowId}": ${executionId} is ${status}`,
      );
}

function isClosing(event: HistoryEvent): boolean {
  return (
    event.type === "workflow.completed" || event.type === "workflow.failed" || event.type === "execution.cancelled"
  );
}
