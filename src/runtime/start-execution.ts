import { isDeepStrictEqual } from "node:util";
import { compileWorkflow } from "../dsl/index.ts";
import type { DefinitionReference, ExecutionStarted } from "../engine/events.ts";
import { ConflictError, NotFoundError } from "../errors.ts";
import type { Database } from "../ports/database.ts";
import type { EventStore, ExecutionHead, StartResult } from "../ports/event-store.ts";
import {
  type ExecutionId,
  hashOf,
  newExecutionId,
  partitionOf,
  type TenantId,
  type WorkflowId,
} from "../values/ids.ts";
import type { Json, JsonObject } from "../values/json.ts";
import { NO_TIP, nextTip } from "../values/tip.ts";
import type { TraceContext } from "../values/trace-context.ts";

export interface StartRequest {
  readonly tenant: TenantId;
  /** Absent: derived from `idempotencyKey`, else random. */
  readonly workflowId?: WorkflowId;
  /** The same key and workflow ID name the same execution, however often they are sent. */
  readonly idempotencyKey?: string;
  readonly definition: DefinitionChoice;
  readonly input?: Json;
  readonly labels?: Readonly<Record<string, string>>;
  readonly onOpen?: "reject" | "use-existing" | "terminate";
  readonly reuse?: "always" | "failed-only" | "never";
  /** The trace in which the start was asked for. */
  readonly trace?: TraceContext;
}

/** A registered definition (without a version: the newest), or a checked document that is run without being registered. */
export type DefinitionChoice =
  | { readonly namespace: string; readonly name: string; readonly version?: string }
  | { readonly document: JsonObject; readonly source: string };

export interface StartPorts {
  readonly events: Pick<EventStore, "start" | "describe">;
  readonly database: Pick<Database, "definition" | "keepDocument">;
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
 * @throws {ConflictError} when the idempotency key was used for another request.
 */
export async function startExecution(ports: StartPorts, request: StartRequest): Promise<StartResult> {
  const { tenant, idempotencyKey } = request;
  const workflowId = request.workflowId ?? newWorkflowId(tenant, idempotencyKey, ports.now());
  const seed = idempotencyKey === undefined ? undefined : hashOf("start", tenant, workflowId, idempotencyKey);
  const partition = partitionOf({ tenant, workflowId }, ports.partitions);
  const executionId = newExecutionId(partition, ports.now(), seed);
  const definition = await resolve(ports, request);
  if (definition === undefined) {
    const earlier = seed === undefined ? undefined : await startedBefore(ports, request, executionId);
    if (earlier) return { result: "existing", head: earlier };
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
    },
  };
  await ports.ensureTenant(tenant);
  const started = await ports.events.start({
    executionId,
    tenant,
    workflowId,
    definition,
    labels: request.labels ?? {},
    event,
    tip: nextTip(NO_TIP, event),
    onOpen: request.onOpen ?? "reject",
    reuse: request.reuse ?? "always",
  });
  if (seed !== undefined && started.result === "existing" && started.head.executionId === executionId) {
    await startedBefore(ports, request, executionId);
  }
  return started;
}

function newWorkflowId(tenant: TenantId, idempotencyKey: string | undefined, nowMs: number): WorkflowId {
  const id = idempotencyKey === undefined ? undefined : hashOf("workflow", tenant, idempotencyKey);
  return newExecutionId(0, nowMs, id).replace("x0-", "w-");
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

/** The execution an earlier request with this idempotency key opened. @throws {ConflictError} if that asked for something else. */
async function startedBefore(
  ports: StartPorts,
  request: StartRequest,
  executionId: ExecutionId,
): Promise<ExecutionHead | undefined> {
  const earlier = await ports.events.describe(executionId);
  if (!earlier) return undefined;
  const first = earlier.first.type === "execution.started" ? earlier.first.data : undefined;
  const sameInput = isDeepStrictEqual(first?.input, request.input ?? {});
  if (!sameInput || !isSameDefinition(request.definition, earlier.head.definition)) {
    throw new ConflictError(
      "DURABULL_IDEMPOTENCY_KEY_REUSED",
      `this Idempotency-Key started ${executionId} with another definition or input`,
    );
  }
  return earlier.head;
}

/** Without a version the newest may have changed since: the name decides. */
function isSameDefinition(wanted: DefinitionChoice, had: DefinitionReference): boolean {
  if ("document" in wanted) return compileWorkflow(wanted.document).digest === had.digest;
  const anyVersion = wanted.version === undefined || wanted.version === "latest";
  return (
    wanted.namespace === had.namespace && wanted.name === had.name && (anyVersion || wanted.version === had.version)
  );
}

function nameOf(definition: DefinitionChoice): string {
  if ("document" in definition) return "document";
  const { namespace, name, version } = definition;
  return `${namespace}/${name}${version === undefined ? "" : `/${version}`}`;
}
