import type { Redis } from "ioredis";
import type { Database, ExecutionSummary, StatusChange } from "../../ports/database.ts";
import { isChangePosition } from "../../values/change-position.ts";
import type { TenantId } from "../../values/ids.ts";
import type { ExecutionStatus } from "../../values/status.ts";
import type { Keys } from "./keys.ts";
import { demandSchema, list, texts } from "./records.ts";
import { run, scriptOf } from "./scripts.ts";

const CHANGES = scriptOf(["lists/lib", "lists/changes"], { writes: false });

type Summaries = (tenant: TenantId, ids: readonly string[]) => Promise<readonly (ExecutionSummary | null)[]>;

/** The part of the database that tells status changes: a stream for each tenant, whose ids are the positions. */
export function createChangeLog(connection: Redis, keys: Keys, summaries: Summaries): Pick<Database, "changes"> {
  return {
    async changes(tenant, after, limit) {
      if (after !== undefined && !isChangePosition(after)) throw new RangeError(`"${after}" is not a position`);
      const [gone, last, found] = list(await run(connection, CHANGES, keys.lists(tenant), [after ?? "", limit]));
      const entries = list(found).map(entryOf);
      const known = await summaries(
        tenant,
        entries.map(({ executionId }) => executionId),
      );
      const changes = entries.flatMap(({ position, status, version, endedAt }, i): readonly StatusChange[] => {
        const summary = known[i];
        return summary ? [{ position, summary: { ...summary, status, version, endedAt } }] : [];
      });
      const more = entries.length === limit;
      const end = gone === 1 ? String(last) : (entries.at(-1)?.position ?? after ?? String(last));
      return { changes, gone: gone === 1, end, more };
    },
  };
}

/** "<schema> <id> <version> <status> <end or empty>" */
function entryOf(entry: unknown) {
  const [position, fields] = list(entry);
  const [schema, executionId = "", version, status, endedAt = ""] = (texts(fields)[1] ?? "").split(" ");
  demandSchema(schema, "a change");
  return {
    position: String(position),
    executionId,
    version: Number(version),
    status: status as ExecutionStatus,
    endedAt: endedAt === "" ? null : Number(endedAt),
  };
}
