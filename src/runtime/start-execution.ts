import { compileWorkflow } from "../dsl/index.ts";
import type { DefinitionReference, ExecutionStarted } from "../engine/events.ts";
import { NotFoundError, PayloadTooLargeError } from "../errors.ts";
import type { Database } from "../ports/database.ts";
import type { EventStore, ExecutionHead, StartCommand, StartResult } from "../ports/event-store.ts";
import type { Log } from "../ports/executor.ts";
import type { RuntimeMetrics } from "../ports/metrics.ts";
import type { Queues } from "../ports/queues.ts";
import {
  type ExecutionId,
  type Group,
  hashOf,
  newExecutionId,
  partitionOf,
  type TenantId,
  type WorkflowId,
} from "../values/ids.ts";
import type { Json, JsonObject } from "../values/json.ts";
import { bytesBeyond } from "../values/json-size.ts";
import { isClosed } from "../values/status.ts";
import { NO_TIP, nextTip } from "../values/tip.ts";
import type { TraceContext } from "../values/trace-context.ts";
import type { Admission } from "./admission.ts";
import type { Once } from "./request-keys.ts";
import { tellLists, wakeSoon } from "./tell.ts";

export interface StartRequest {
  readonly tenant: TenantId;
  /** Absent: derived from `once`, else random. */
  readonly workflowId?: WorkflowId;
  /** Repeats of one request open the same execution, however often it is sent. */
  readonly once?: Pick<Once, "id" | "outcome" | "note">;
  readonly definition: DefinitionChoice;
  readonly input?: Json;
  readonly labels?: Readonly<Record<string, string>>;
  readonly onOpen?: "reject" | "use-existing" | "terminate";
  readonly reuse?: "always" | "failed-only" | "never";
  /** The trace in which the start was asked for. */
  readonly trace?: TraceContext;
  /** Nominal time of a scheduled execution, epoch milliseconds. */
  readonly scheduledFor?: number;
}

/** A registered definition (without a version: the newest), or a checked document that is run without being registered. */
export type DefinitionChoice =
  | { readonly namespace: string; readonly name: string; readonly version?: string }
  | { readonly document: JsonObject; readonly source: string };

export interface StartPorts {
  readonly events: Pick<EventStore, "start" | "describe" | "executionsOf" | "heads">;
  readonly database: Pick<Database, "definition" | "keepDocument">;
  /** Absent: everybody may start as much as he likes. */
  readonly admission?: Admission;
  /** Largest input, in bytes as JSON. */
  readonly payloadMaxBytes?: number;
  readonly ensureTenant: (tenant: TenantId) => Promise<void>;
  readonly partitions: number;
  readonly defaultTimeoutMs: number;
  /** Epoch milliseconds; orders execution IDs, decides nothing. */
  readonly now: () => number;
}

/**
 * Opens an execution; the definition is resolved once and recorded.
 *
 * @throws {NotFoundError} for a definition that is not registered.
 * @throws {QuotaError} when the tenant may not start one more now.
 * @throws {PayloadTooLargeError}
 */
export async function startExecution(ports: StartPorts, request: StartRequest): Promise<StartResult> {
  const { tenant, once } = request;
  refuseLargeInput(request.input, ports.payloadMaxBytes);
  const workflowId = request.workflowId ?? newWorkflowId(tenant, once?.id, ports.now());
  const group = { tenant, workflowId };
  const executionId =
    once === undefined
      ? newExecutionId(partitionOf(group, ports.partitions), ports.now())
      : executionIdOf(group, once.id, ports.partitions);
  const earlier = once?.outcome ? await startedBefore(ports, once.outcome) : undefined;
  if (earlier) return { result: "existing", head: earlier };
  const definition = await resolve(ports, request);
  if (definition === undefined) {
    // It may have been taken out of the lists after an earlier try.
    const before = once === undefined ? undefined : await startedBefore(ports, executionId);
    if (before) return { result: "existing", head: before };
    throw new NotFoundError("definition", nameOf(request.definition));
  }
  const event: ExecutionStarted = {
    type: "execution.started",
    sequence: 1,
    at: ports.now(),
    source: "api-service",
    data: {
      executionId,
      tenant,
      workflowId,
      definition,
      input: request.input ?? {},
      defaultTimeoutMs: ports.defaultTimeoutMs,
      ...(request.trace === undefined ? {} : { trace: request.trace }),
      ...(request.scheduledFor === undefined ? {} : { scheduledFor: request.scheduledFor }),
    },
  };
  await ports.ensureTenant(tenant);
  const command: StartCommand = {
    executionId,
    tenant,
    workflowId,
    definition,
    labels: request.labels ?? {},
    event,
    tip: nextTip(NO_TIP, event),
    onOpen: request.onOpen ?? "reject",
    reuse: request.reuse ?? "always",
  };
  const start = () => ports.events.start(command);
  const started = await (ports.admission?.(tenant, () => opensNothingMore(ports, command), start) ?? start());
  // Another one than the id leads to: a repeat must find it too, even when it has ended by then.
  if (started.result === "existing" && started.head.executionId !== executionId) {
    await once?.note(started.head.executionId);
  }
  return started;
}

/** The execution that all starts of a group under one id open. */
export function executionIdOf(group: Group, onceId: string, partitions: number): ExecutionId {
  const seed = hashOf("start", group.tenant, group.workflowId, onceId);
  return newExecutionId(partitionOf(group, partitions), 0, seed);
}

/** A start that tells those who must know: queues, lists, metrics. */
export type Starter = (request: StartRequest) => Promise<StartResult>;

export function createStarter(
  ports: StartPorts & {
    readonly database: Pick<Database, "project">;
    readonly queues: Pick<Queues, "wake">;
    readonly log: Log;
    readonly metrics?: Pick<RuntimeMetrics, "started">;
  },
): Starter {
  return async (request) => {
    const started = await startExecution(ports, request);
    if (started.result === "created") {
      ports.metrics?.started();
      await Promise.all([wakeSoon(ports, started.head, "execution.started"), tellLists(ports, started.head)]);
    }
    return started;
  };
}

/** @throws {PayloadTooLargeError} */
export function refuseLargeInput(input: Json | undefined, most = Number.POSITIVE_INFINITY): void {
  const bytes = bytesBeyond(input ?? null, most);
  if (bytes === undefined) return;
  throw new PayloadTooLargeError(`the input has ${bytes} bytes, more than PAYLOAD_MAX_BYTES=${most} allows`);
}

/** A repeated start, or one whose workflow ID has an open execution: its answer is that one, or takes its place. */
async function opensNothingMore({ events }: StartPorts, { executionId, ...group }: StartCommand): Promise<boolean> {
  const last = (await events.executionsOf(group)).at(-1);
  const heads = await events.heads(last === undefined ? [executionId] : [executionId, last]);
  const [same, latest] = heads;
  return (same ?? null) !== null || (latest !== undefined && latest !== null && !isClosed(latest.status));
}

function newWorkflowId(tenant: TenantId, onceId: string | undefined, nowMs: number): WorkflowId {
  const seed = onceId === undefined ? undefined : hashOf("workflow", tenant, onceId);
  return newExecutionId(0, nowMs, seed).replace("x0-", "w-");
}

async function resolve(
  ports: StartPorts,
  { tenant, definition }: StartRequest,
): Promise<DefinitionReference | undefined> {
  if ("document" in definition) {
    const { namespace, name, version, digest } = compileWorkflow(definition.document);
    await ports.ensureTenant(tenant);
    await ports.database.keepDocument({
      tenant,
      namespace,
      name,
      version,
      digest,
      document: definition.document,
      source: definition.source,
    });
    return { namespace, name, version, digest };
  }
  const version = definition.version === "latest" ? undefined : definition.version;
  const stored = await ports.database.definition(tenant, definition.namespace, definition.name, version);
  if (!stored) return undefined;
  return { namespace: stored.namespace, name: stored.name, version: stored.version, digest: stored.digest };
}

async function startedBefore(ports: StartPorts, executionId: ExecutionId): Promise<ExecutionHead | undefined> {
  const [head] = await ports.events.heads([executionId]);
  return head ?? undefined;
}

function nameOf(definition: DefinitionChoice): string {
  if ("document" in definition) return "document";
  const { namespace, name, version } = definition;
  return `${namespace}/${name}${version === undefined ? "" : `/${version}`}`;
}
