import type {
  AnnouncedFunction,
  Changes,
  Database,
  DefinitionFilter,
  ExecutionFilter,
  ExecutionSummary,
  KeyReservation,
  KeyUse,
  KnownFunction,
  NewDefinition,
  StoredDefinition,
} from "../../ports/database.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { Page, Paged } from "../../ports/event-store.ts";
import type { ExpiredExecution } from "../../ports/retention.ts";
import type { ScheduleStore } from "../../ports/schedules.ts";
import { hashOf, type TenantId } from "../../values/ids.ts";
import { isClosed } from "../../values/status.ts";
import { type ChangeRow, changesOf, partsOfPosition } from "./change-log.ts";
import { cursorOf, partsOfCursor } from "./cursor.ts";
import { type DatabaseStatements, databaseStatements } from "./database-statements.ts";
import { createEventLog } from "./event-log.ts";
import { executionsQuery, labelPairs, type SummaryRow, summaryOf } from "./executions-query.ts";
import { migratePostgres } from "./migrate.ts";
import { Pool, type Row } from "./pool.ts";
import { createScheduleStore } from "./schedules.ts";
import { DEFAULT_SCHEMA } from "./schema-name.ts";
import { versionOrder } from "./version-order.ts";

export interface PostgresDatabaseOptions {
  readonly connectionString: string;
  /** Default: `durabull`. */
  readonly schema?: string;
  /** Connections at most; default 5. */
  readonly poolSize?: number;
  /** Default 10,000. */
  readonly queryTimeoutMs?: number;
  /** Status changes kept of each tenant, about. Default: 10,000. */
  readonly changesKept?: number;
}

/**
 * Opens the database and brings its schema up to date.
 *
 * @throws {ConfigError} for a server, a user or a schema that will not do.
 * @throws {StoreUnavailableError}
 */
export async function createPostgresDatabase(options: PostgresDatabaseOptions): Promise<Database> {
  const { connectionString, schema = DEFAULT_SCHEMA, poolSize = 5, queryTimeoutMs = 10_000 } = options;
  await migratePostgres(connectionString, schema);
  const pool = new Pool({ connectionString, size: poolSize, queryTimeoutMs });
  const database = new PostgresDatabase(pool, databaseStatements(schema), schema, options.changesKept ?? 10_000);
  return Object.assign(database, createEventLog(pool, schema), createScheduleStore(pool, schema));
}

class PostgresDatabase implements Omit<Database, keyof EventLog | keyof ScheduleStore> {
  readonly #pool: Pool;
  readonly #sql: DatabaseStatements;
  readonly #schema: string;
  readonly #changesKept: number;

  constructor(pool: Pool, sql: DatabaseStatements, schema: string, changesKept: number) {
    this.#changesKept = changesKept;
    this.#pool = pool;
    this.#sql = sql;
    this.#schema = schema;
  }

  async ensureTenant(tenant: TenantId): Promise<void> {
    await this.#pool.query(this.#sql.ensureTenant, [tenant]);
  }

  async tenants(): Promise<readonly TenantId[]> {
    const rows = await this.#pool.query<{ name: string }>(this.#sql.tenants);
    return rows.map(({ name }) => name);
  }

  putDefinition(definition: NewDefinition): Promise<"created-first" | "created" | "identical" | "conflict"> {
    const { tenant, namespace, name, version, digest, document, source } = definition;
    const { order, isRelease } = versionOrder(version);
    const content = [digest, JSON.stringify(document), source];
    return this.#pool.value(this.#sql.putDefinition, [tenant, namespace, name, version, order, isRelease, ...content]);
  }

  async definition(
    tenant: TenantId,
    namespace: string,
    name: string,
    version?: string,
  ): Promise<StoredDefinition | null> {
    const [row] = await this.#pool.query<DefinitionRow>(this.#sql.definition, [tenant, namespace, name, version]);
    return row === undefined ? null : definitionOf(row);
  }

  async definitionByDigest(tenant: TenantId, digest: string): Promise<StoredDefinition | null> {
    const [row] = await this.#pool.query<DefinitionRow>(this.#sql.definitionByDigest, [tenant, digest]);
    return row === undefined ? null : definitionOf(row);
  }

  async keepDocument({ tenant, namespace, name, version, digest, document, source }: NewDefinition): Promise<void> {
    const content = [JSON.stringify(document), source];
    await this.#pool.query(this.#sql.keepDocument, [tenant, digest, namespace, name, version, ...content]);
  }

  async definitions(
    tenant: TenantId,
    { namespace, name }: DefinitionFilter,
    { limit, cursor }: Page,
  ): Promise<Paged<StoredDefinition>> {
    const after = cursor === undefined ? [null, null, null, null] : partsOfCursor(cursor, 4);
    const values = [tenant, namespace, name, ...after, limit + 1];
    const rows = await this.#pool.query<DefinitionRow>(this.#sql.definitions, values);
    return pageOf(rows, limit, definitionOf, (last) =>
      cursorOf(last.namespace, last.name, versionOrder(last.version).order, last.version),
    );
  }

  async unlistDefinition(tenant: TenantId, namespace: string, name: string, version?: string): Promise<number> {
    return (await this.#pool.query(this.#sql.unlistDefinition, [tenant, namespace, name, version])).length;
  }

  async pinResource(tenant: TenantId, definition: string, uri: string, content: string): Promise<string> {
    await this.#pool.query(this.#sql.pinResource, [tenant, definition, uri, content]);
    return (await this.resource(tenant, definition, uri)) ?? content;
  }

  async resource(tenant: TenantId, definition: string, uri: string): Promise<string | null> {
    const [row] = await this.#pool.query<{ content: string }>(this.#sql.resource, [tenant, definition, uri]);
    return row?.content ?? null;
  }

  async resourceUris(tenant: TenantId, definition: string): Promise<readonly string[]> {
    const rows = await this.#pool.query<{ uri: string }>(this.#sql.resourceUris, [tenant, definition]);
    return rows.map(({ uri }) => uri);
  }

  everHeldDefinition(): Promise<boolean> {
    return this.#pool.value(this.#sql.everHeldDefinition);
  }

  async project(summary: ExecutionSummary): Promise<void> {
    const { executionId, tenant, workflowId, definition, status, version, labels, startedAt, endedAt } = summary;
    await this.#pool.query(this.#sql.project, [
      executionId,
      tenant,
      workflowId,
      definition.namespace,
      definition.name,
      definition.version,
      definition.digest,
      status,
      isClosed(status) ? status : null,
      version,
      JSON.stringify(labels),
      labelPairs(labels),
      startedAt,
      endedAt,
      this.#changesKept,
    ]);
  }

  async forget(executions: readonly ExpiredExecution[]): Promise<void> {
    await this.#pool.query(this.#sql.forget, [executions.map(({ executionId }) => executionId)]);
  }

  async idleDocuments(tenant: TenantId, idleMs: number, limit: number, offset = 0): Promise<readonly string[]> {
    const rows = await this.#pool.query<{ digest: string }>(this.#sql.idleDocuments, [tenant, idleMs, limit, offset]);
    return rows.map(({ digest }) => digest);
  }

  dropDocument(tenant: TenantId, digest: string, idleMs: number): Promise<boolean> {
    return this.#pool.value(this.#sql.dropDocument, [tenant, digest, idleMs]);
  }

  async changes(tenant: TenantId, after: string | undefined, limit: number): Promise<Changes> {
    const place = after === undefined ? ["0", "0"] : partsOfPosition(after);
    const values = [tenant, ...place, after === undefined ? 0 : limit];
    return changesOf(await this.#pool.query<ChangeRow & SummaryRow>(this.#sql.changes, values), after, limit);
  }

  async executions(tenant: TenantId, filter: ExecutionFilter, page: Page): Promise<Paged<ExecutionSummary>> {
    const { text, values } = executionsQuery(tenant, filter, page, this.#schema);
    const rows = await this.#pool.query<SummaryRow>({ text }, values);
    return pageOf(rows, page.limit, summaryOf, (last) => cursorOf(last.started_at, last.execution_id));
  }

  async openExecutions(tenant: TenantId, namespace: string, name: string, version?: string): Promise<number> {
    return Number(await this.#pool.value<string>(this.#sql.openExecutions, [tenant, namespace, name, version]));
  }

  async announceFunctions(worker: string, functions: readonly AnnouncedFunction[], ttlMs: number): Promise<void> {
    // Each name once, and all workers in one order, so that two do not wait for each other.
    const queues = new Map(functions.map(({ name, queue }) => [name, queue]));
    const names = [...queues.keys()].sort();
    const values = [worker, names, names.map((name) => queues.get(name) ?? null), ttlMs];
    await this.#pool.query(this.#sql.announceFunctions, values);
  }

  async functions(): Promise<readonly KnownFunction[]> {
    const rows = await this.#pool.query<FunctionRow>(this.#sql.functions);
    return rows.map(({ name, queue, last_seen_at, online }) => ({
      name,
      queue,
      lastSeenAt: Number(last_seen_at),
      online,
    }));
  }

  async reserveKey(use: KeyUse, ttlMs: number): Promise<KeyReservation> {
    const values = [use.tenant, useHash(use), use.body, use.id, ttlMs];
    return JSON.parse(await this.#pool.value<string>(this.#sql.reserveKey, values));
  }

  async settleKey(use: KeyUse, outcome: string): Promise<void> {
    await this.#pool.query(this.#sql.settleKey, [use.tenant, useHash(use), use.id, outcome]);
  }

  async releaseKey(use: KeyUse): Promise<void> {
    await this.#pool.query(this.#sql.releaseKey, [use.tenant, useHash(use), use.id]);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

function useHash({ route, key }: KeyUse): string {
  return hashOf(route, key);
}

interface DefinitionRow extends Row {
  readonly tenant: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  readonly document: string;
  readonly source: string;
  readonly created_at: string;
}
interface FunctionRow extends Row {
  readonly name: string;
  readonly queue: string | null;
  readonly last_seen_at: string;
  readonly online: boolean;
}

function definitionOf({ document, created_at, ...row }: DefinitionRow): StoredDefinition {
  const { tenant, namespace, name, version, digest, source } = row;
  return {
    tenant,
    namespace,
    name,
    version,
    digest,
    source,
    document: JSON.parse(document),
    createdAt: Number(created_at),
  };
}

/** A page of rows that were asked for with one more than its limit, to see whether there are more. */
function pageOf<Found, Item>(
  rows: readonly Found[],
  limit: number,
  itemOf: (row: Found) => Item,
  cursorAfter: (row: Found) => string,
): Paged<Item> {
  const items = rows.slice(0, limit).map(itemOf);
  const last = rows[limit - 1];
  return rows.length > limit && last !== undefined ? { items, nextCursor: cursorAfter(last) } : { items };
}
