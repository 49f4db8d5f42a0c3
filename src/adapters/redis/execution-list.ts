import type { Redis } from "ioredis";
import type { Database, ExecutionFilter, ExecutionSummary } from "../../ports/database.ts";
import type { Page, Paged } from "../../ports/event-store.ts";
import { fits } from "../../ports/execution-filter.ts";
import { hashOf, type TenantId } from "../../values/ids.ts";
import { isClosed } from "../../values/status.ts";
import { createChangeLog } from "./change-log.ts";
import { answered, pipelined } from "./connection.ts";
import { cursorOf, partsOf } from "./cursors.ts";
import type { Keys } from "./keys.ts";
import { demandSchema, moment, texts } from "./records.ts";
import { run, scriptOf } from "./scripts.ts";

const FORGET = scriptOf(["lists/lib", "lists/forget"], { writes: true });
const PROJECT = scriptOf(["lists/lib", "lists/project"], { writes: true });

/** Summaries looked at together when a filter has to read them. */
const SUMMARIES_AT_ONCE = 200;

/** The part of the database that lists executions: indexes by start, by status and by workflow ID; all else is read and filtered. */
export function createExecutionList(
  connection: Redis,
  keys: Keys,
  changesKept: number,
): Pick<Database, "project" | "forget" | "executions" | "openExecutions" | "changes"> {
  return {
    ...createChangeLog(connection, keys, (tenant, ids) => summariesOf(connection, keys, tenant, ids)),
    async project(summary) {
      const { tenant, executionId, version, status } = summary;
      const open = isClosed(status) ? 0 : 1;
      const places = placesOf(summary);
      const text = JSON.stringify(summary);
      const args = [executionId, version, status, open, text, ...places, summary.endedAt ?? "", changesKept] as const;
      await run(connection, PROJECT, keys.lists(tenant), args);
    },

    async forget(executions) {
      const tenants = new Set(executions.map(({ tenant }) => tenant));
      const forgets = [...tenants].map((tenant) => {
        const of = executions.filter((execution) => execution.tenant === tenant);
        const args = of.flatMap((execution) => [execution.executionId, ...placesOf(execution)]);
        return run(connection, FORGET, keys.lists(tenant), args);
      });
      await Promise.all(forgets);
    },

    async executions(tenant, filter, page) {
      const indexes = indexesOf(keys, tenant, filter);
      const places = (before: string, after: string, count: number) =>
        newest(connection, indexes, before, after, count);
      const found = await fitting(filter, page, places, (batch) => summaries(connection, keys, tenant, batch));
      return pageOf(found, page.limit);
    },

    async openExecutions(tenant, namespace, name, version) {
      return answered(connection.scard(keys.openOf(tenant, definitionKey(namespace, name, version))));
    },
  };
}

/** Place in the lists; keys of its workflow ID, its definition and that version. */
function placesOf(of: Pick<ExecutionSummary, "executionId" | "workflowId" | "definition" | "startedAt">) {
  const { namespace, name, version } = of.definition;
  const definitions = [definitionKey(namespace, name), definitionKey(namespace, name, version)] as const;
  return [placeOf(of), hashOf(of.workflowId), ...definitions] as const;
}

/** Escaped, so that no two definitions share a key. */
function definitionKey(...parts: readonly (string | undefined)[]): string {
  return parts.flatMap((part) => (part === undefined ? [] : [encodeURIComponent(part)])).join("/");
}

/** "<startedAt> <id>": its text sorts by time, and never changes. */
function placeOf({ startedAt, executionId }: Pick<ExecutionSummary, "startedAt" | "executionId">): string {
  return `${padded(startedAt)} ${executionId}`;
}
function padded(startedAt: number): string {
  return String(moment(startedAt)).padStart(16, "0");
}

function indexesOf(keys: Keys, tenant: TenantId, { workflowId, status = [] }: ExecutionFilter): readonly string[] {
  if (workflowId !== undefined) return [keys.executionsOf(tenant, hashOf(workflowId))];
  if (status.length > 0) return status.map((each) => keys.executionsIn(tenant, each));
  return [keys.executions(tenant)];
}

/** Places over all indexes, each once. One may be in two of them, or have left all, while it moves. */
async function newest(
  connection: Redis,
  indexes: readonly string[],
  before: string,
  after: string,
  count: number,
): Promise<readonly string[]> {
  const commands = indexes.map((index) => ["zrange", index, before, after, "BYLEX", "REV", "LIMIT", 0, count] as const);
  const found = new Set((await pipelined(connection, commands)).flatMap(texts));
  return [...found].sort().reverse().slice(0, count);
}

async function summaries(
  connection: Redis,
  keys: Keys,
  tenant: TenantId,
  places: readonly string[],
): Promise<readonly ExecutionSummary[]> {
  const ids = places.map((place) => place.slice(place.indexOf(" ") + 1));
  return (await summariesOf(connection, keys, tenant, ids)).filter((summary) => summary !== null);
}

/** In order; null for what the lists do not know. */
async function summariesOf(
  connection: Redis,
  keys: Keys,
  tenant: TenantId,
  ids: readonly string[],
): Promise<readonly (ExecutionSummary | null)[]> {
  if (ids.length === 0) return [];
  const found = await answered(connection.mget(ids.map((id) => keys.execution(tenant, id))));
  return found.map((text) => (text === null ? null : summaryOf(text)));
}

/** "<schema> <version> <status> <JSON>" */
function summaryOf(text: string): ExecutionSummary {
  const [, schema, json = ""] = /^(\d+) \d+ [A-Z]+ (.*)$/s.exec(text) ?? [];
  demandSchema(schema ?? /^\d+/.exec(text)?.[0], "a summary");
  return JSON.parse(json);
}

/** At most one more than the page holds, newest first. */
async function fitting(
  filter: ExecutionFilter,
  { limit, cursor }: Page,
  places: (before: string, after: string, count: number) => Promise<readonly string[]>,
  read: (places: readonly string[]) => Promise<readonly ExecutionSummary[]>,
): Promise<readonly ExecutionSummary[]> {
  const { startedAfter = 0, startedBefore } = filter;
  const bounds = [
    ...(cursor === undefined ? [] : partsOf(cursor, 1)),
    ...(startedBefore === undefined ? [] : [padded(startedBefore)]),
  ].sort();
  let before = bounds[0] === undefined ? "+" : `(${bounds[0]}`;
  const after = `[${padded(startedAfter)}`;
  const count = Math.max(limit + 1, SUMMARIES_AT_ONCE);
  const found: ExecutionSummary[] = [];
  for (;;) {
    const batch = await places(before, after, count);
    found.push(...(await read(batch)).filter((summary) => fits(summary, filter)));
    if (found.length > limit || batch.length < count) return found.slice(0, limit + 1);
    before = `(${batch.at(-1)}`;
  }
}

function pageOf(found: readonly ExecutionSummary[], limit: number): Paged<ExecutionSummary> {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  if (found.length <= limit || last === undefined) return { items };
  return { items, nextCursor: cursorOf(placeOf(last)) };
}
