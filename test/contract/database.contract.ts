import { describe } from "vitest";
import type { Database } from "../../src/ports/database.ts";
import { definitionContract } from "./database/definitions.ts";
import { executionListContract } from "./database/executions.ts";
import { functionContract } from "./database/functions.ts";
import { retentionContract } from "./database/retention.ts";

/** What every Database promises. `open` gives one that holds nothing yet; the suite closes it. */
export function databaseContract(open: () => Promise<Database>): void {
  describe("definitions and tenants", () => definitionContract(open));
  describe("lists of executions", () => executionListContract(open));
  describe("retention", () => retentionContract(open));
  describe("announced functions", () => functionContract(open));
}
