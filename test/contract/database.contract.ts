import { describe } from "vitest";
import type { Database } from "../../src/ports/database.ts";
import { changeContract } from "./database/changes.ts";
import { definitionContract } from "./database/definitions.ts";
import { eventLogContract } from "./database/event-log.ts";
import { executionListContract } from "./database/executions.ts";
import { functionContract } from "./database/functions.ts";
import { keyUseContract } from "./database/key-uses.ts";
import { resourceContract } from "./database/resources.ts";
import { retentionContract } from "./database/retention.ts";
import { scheduleContract } from "./database/schedules.ts";

export { CHANGES_KEPT } from "./database/changes.ts";

/** What every Database promises. `open` gives one that holds nothing yet and keeps `CHANGES_KEPT`; the suite closes it. */
export function databaseContract(open: () => Promise<Database>): void {
  describe("definitions and tenants", () => definitionContract(open));
  describe("lists of executions", () => executionListContract(open));
  describe("retention", () => retentionContract(open));
  describe("status changes", () => changeContract(open));
  describe("uses of idempotency keys", () => keyUseContract(open));
  describe("resources of definitions", () => resourceContract(open));
  describe("published events and subscriptions", () => eventLogContract(open));
  describe("schedules", () => scheduleContract(open));
  describe("announced functions", () => functionContract(open));
}
