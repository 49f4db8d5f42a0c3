import type { ExecutionFilter, ExecutionSummary } from "../../ports/database.ts";
import type { Page } from "../../ports/event-store.ts";
import type { TenantId } from "../../values/ids.ts";
import { type ExecutionStatus, isClosed } from "../../values/status.ts";
import { partsOfCursor } from "./cursor.ts";
import type { Row } from "./pool.ts";
import { inSchema } from "./schema-name.ts";

export interface SummaryRow extends Row {
  readonly execution_id: string;
  readonly tenant: string;
  readonly workflow_id: string;
  readonly namespace: string;
  readonly name: string;
  readonly definition_version: string;
  readonly digest: string;
  readonly status: ExecutionStatus;
  readonly version: string;
  readonly labels: string;
  readonly started_at: string;
  readonly ended_at: string | null;
}

const COLUMNS = `execution_id, tenant, workflow_id, namespace, name, definition_version, digest, status, version, labels,
  started_at, ended_at`;

/** Each label as a text that holds both its key and its value. */
export function labelPairs(labels: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(labels).map((pair) => JSON.stringify(pair));
}

/** Rows of a page of executions, and one more when there is more. */
export function executionsQuery(
  tenant: TenantId,
  filter: ExecutionFilter,
  { limit, cursor }: Page,
  schema: string,
): { readonly text: string; readonly values: readonly unknown[] } {
  const values: unknown[] = [];
  const place = (value: unknown) => `$${values.push(value)}`;
  const conditions = [`tenant = ${place(tenant)}`, ...conditionsOf(filter, place)];
  if (cursor !== undefined) {
    const [startedAt, executionId] = partsOfCursor(cursor, 2);
    conditions.push(`(started_at, execution_id) < (${place(startedAt)}::bigint, ${place(executionId)}::text)`);
  }
  const text = `SELECT ${COLUMNS} FROM durabull.summary WHERE ${conditions.join(" AND ")}
    ORDER BY started_at DESC, execution_id DESC LIMIT ${place(limit + 1)}`;
  return { text: inSchema(text, schema), values };
}

function conditionsOf(filter: ExecutionFilter, place: (value: unknown) => string): readonly string[] {
  const {
    status,
    namespace,
    name,
    workflowId,
    labels = {},
    startedAfter,
    startedBefore,
    endedAfter,
    endedBefore,
  } = filter;
  const pairs = labelPairs(labels);
  return [
    status && statusCondition(status, place),
    namespace !== undefined && `namespace = ${place(namespace)}`,
    name !== undefined && `name = ${place(name)}`,
    workflowId !== undefined && `workflow_id = ${place(workflowId)}`,
    // The second half is implied; it lets the planner see that the index covers all that may fit.
    pairs.length > 0 && `label_pairs @> ${place(pairs)}::text[] AND label_pairs <> '{}'`,
    startedAfter !== undefined && `started_at >= ${place(startedAfter)}`,
    startedBefore !== undefined && `started_at < ${place(startedBefore)}`,
    endedAfter !== undefined && `ended_at >= ${place(endedAfter)}`,
    endedBefore !== undefined && `ended_at < ${place(endedBefore)}`,
  ].filter((condition) => typeof condition === "string");
}

/** Told in terms of the indexed column where the statuses are all of one kind. */
function statusCondition(status: readonly ExecutionStatus[], place: (value: unknown) => string): string {
  if (status.every(isClosed)) return `ended_as = ANY (${place(status)})`;
  const open = status.some(isClosed) ? "" : " AND ended_as IS NULL";
  return `status = ANY (${place(status)})${open}`;
}

export function summaryOf(row: SummaryRow): ExecutionSummary {
  return {
    executionId: row.execution_id,
    tenant: row.tenant,
    workflowId: row.workflow_id,
    definition: { namespace: row.namespace, name: row.name, version: row.definition_version, digest: row.digest },
    status: row.status,
    version: Number(row.version),
    labels: JSON.parse(row.labels),
    startedAt: Number(row.started_at),
    endedAt: row.ended_at === null ? null : Number(row.ended_at),
  };
}
