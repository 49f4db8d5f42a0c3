import { checkDefinition, compileWorkflow, type ReadDefinition, readDefinition } from "../dsl/index.ts";
import type { Workflow } from "../dsl/workflow.ts";
import { ConflictError, type InputIssue, InvalidDefinitionError, NotFoundError } from "../errors.ts";
import type { Database, DefinitionFilter, StoredDefinition } from "../ports/database.ts";
import type { Page, Paged } from "../ports/event-store.ts";
import type { Log } from "../ports/executor.ts";
import type { TenantId } from "../values/ids.ts";
import type { JsonObject } from "../values/json.ts";
import type { Failpoints } from "./failpoints.ts";
import { type RunAllowed, runsNotAllowed } from "./runs-not-allowed.ts";
import { scheduleFaults } from "./schedules/min-interval.ts";
import type { Scheduler } from "./schedules/scheduler.ts";
import { tenantMaker } from "./tenant-maker.ts";
import { unknownFunctions } from "./unknown-functions.ts";

export interface DefinitionService {
  /** All that is wrong with a text, YAML or JSON, or with a document that was read already. Never throws for what it says. */
  check(source: string | JsonObject, options?: CheckOptions): Promise<CheckedDefinition>;
  /**
   * Makes a version known for good.
   * @throws {InvalidDefinitionError} with every issue found.
   * @throws {ConflictError} when the version is there with other content.
   */
  register(tenant: TenantId, source: string, options?: CheckOptions): Promise<Registered>;
  /** Without `version`, or with "latest", the newest. @throws {NotFoundError} */
  get(tenant: TenantId, namespace: string, name: string, version?: string): Promise<StoredDefinition>;
  list(tenant: TenantId, filter: DefinitionFilter, page: Page): Promise<Paged<StoredDefinition>>;
  /**
   * Takes a version, or all of a name, out of the lists.
   * @throws {ConflictError} while executions of it are open.
   * @throws {NotFoundError} when there is nothing to take out.
   */
  unlist(tenant: TenantId, namespace: string, name: string, version?: string): Promise<void>;
}

export interface CheckOptions {
  /** Accept functions that no worker has ever announced. */
  readonly allowUnknown?: boolean;
}
export type CheckedDefinition =
  | { readonly valid: true; readonly workflow: Workflow; readonly warnings: readonly InputIssue[] }
  | { readonly valid: false; readonly issues: readonly InputIssue[]; readonly warnings: readonly InputIssue[] };
export interface Registered {
  readonly created: boolean;
  readonly definition: StoredDefinition;
  readonly warnings: readonly InputIssue[];
}

export interface DefinitionServiceDeps {
  readonly database: Database;
  readonly log: Log;
  /** What this process knows that task workers may run: of anything else a definition gets a warning. */
  readonly runAllowed: RunAllowed;
  readonly failpoints?: Failpoints;
  /** Absent: definitions do not start by themselves. */
  readonly schedules?: Pick<Scheduler, "prepare" | "sync">;
  /** Milliseconds; a schedule that starts more often is refused. */
  readonly scheduleMinIntervalMs?: number;
}

export function createDefinitionService(deps: DefinitionServiceDeps): DefinitionService {
  const { database, log, runAllowed, schedules, failpoints } = deps;
  const ensureTenant = tenantMaker(database);

  async function unknownCalls(workflow: Workflow, line: ReadDefinition["line"]): Promise<readonly InputIssue[]> {
    const callsCode = [...workflow.byKey.values()].some((task) => task.kind === "call" && task.call === "code");
    if (!callsCode) return [];
    const known = await database.functions();
    return unknownFunctions(
      workflow,
      known.map(({ name }) => name),
      line,
    );
  }

  async function check(source: string | JsonObject, options: CheckOptions = {}): Promise<CheckedDefinition> {
    let read: ReadDefinition;
    try {
      read = readDefinition(source);
    } catch (error) {
      if (error instanceof InvalidDefinitionError) return { valid: false, issues: error.issues, warnings: [] };
      throw error;
    }
    const { issues, warnings: found } = checkDefinition(read.document, read.line);
    if (issues.length > 0) return { valid: false, issues, warnings: found };
    const workflow = compileWorkflow(read.document);
    const warnings = [...found, ...runsNotAllowed(workflow, runAllowed, read.line)];
    const unknown = options.allowUnknown === true ? [] : await unknownCalls(workflow, read.line);
    const tooOften = scheduleFaults(workflow.schedule, deps.scheduleMinIntervalMs ?? 0, read.line);
    const more = [...tooOften, ...unknown];
    return more.length > 0 ? { valid: false, issues: more, warnings } : { valid: true, workflow, warnings };
  }

  async function register(tenant: TenantId, source: string, options?: CheckOptions): Promise<Registered> {
    const checked = await check(source, options);
    if (!checked.valid) throw new InvalidDefinitionError(checked.issues);
    const { namespace, name, version, digest, document } = checked.workflow;
    await ensureTenant(tenant);
    await schedules?.prepare({ tenant, namespace, name }, checked.workflow.schedule !== null);
    await failpoints?.hit("before-register");
    const put = await database.putDefinition({ tenant, namespace, name, version, digest, document, source });
    if (put === "conflict") {
      throw new ConflictError(
        "DURABULL_DEFINITION_CONFLICT",
        `${namespace}/${name}/${version} is registered with other content; a version never changes: raise document.version`,
      );
    }
    await failpoints?.hit("after-register");
    await schedules?.sync({ tenant, namespace, name });
    if (put !== "identical") {
      const event = put === "created-first" ? "io.flunq.workflow.created" : "io.flunq.workflow.updated";
      log.info({ tenant, namespace, name, version, digest, event }, "definition registered");
    }
    const definition = await get(tenant, namespace, name, version);
    return { created: put !== "identical", definition, warnings: checked.warnings };
  }

  async function get(tenant: TenantId, namespace: string, name: string, version?: string): Promise<StoredDefinition> {
    const found = await database.definition(tenant, namespace, name, version === "latest" ? undefined : version);
    if (!found) throw new NotFoundError("definition", path(namespace, name, version));
    return found;
  }

  async function unlist(tenant: TenantId, namespace: string, name: string, version?: string): Promise<void> {
    const open = await database.openExecutions(tenant, namespace, name, version);
    if (open > 0) {
      throw new ConflictError(
        "DURABULL_DEFINITION_IN_USE",
        `${open} ${open === 1 ? "execution" : "executions"} of ${path(namespace, name, version)} ${open === 1 ? "is" : "are"} open`,
      );
    }
    await schedules?.prepare({ tenant, namespace, name }, false);
    const unlisted = await database.unlistDefinition(tenant, namespace, name, version);
    await schedules?.sync({ tenant, namespace, name });
    if (unlisted === 0) throw new NotFoundError("definition", path(namespace, name, version));
    log.info({ tenant, namespace, name, version, event: "io.flunq.workflow.deleted" }, "definition unlisted");
  }

  return {
    check,
    register,
    get,
    list: (tenant, filter, page) => database.definitions(tenant, filter, page),
    unlist,
  };
}

function path(namespace: string, name: string, version?: string): string {
  return `${namespace}/${name}${version === undefined ? "" : `/${version}`}`;
}
