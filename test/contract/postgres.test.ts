import { afterAll, beforeAll, describe } from "vitest";
import { createPostgresDatabase } from "../../src/adapters/postgres/database.ts";
import { createPostgresEventStore } from "../../src/adapters/postgres/event-store.ts";
import { freshDatabase, startPostgres, type TestServer } from "../support/servers.ts";
import { CHANGES_KEPT, databaseContract } from "./database.contract.ts";
import { CONTRACT_OPTIONS, eventStoreContract } from "./event-store.contract.ts";

let server: TestServer;
let connectionString: string;
let schemas = 0;

beforeAll(async () => {
  server = await startPostgres();
  connectionString = await freshDatabase(server);
});
afterAll(() => server.stop());

/** A fresh schema is a store that holds nothing yet. */
function freshSchema(): string {
  schemas += 1;
  return `durabull_${schemas}`;
}

describe("PostgresEventStore", () => {
  eventStoreContract(() =>
    createPostgresEventStore({ connectionString, schema: freshSchema(), options: CONTRACT_OPTIONS }),
  );
});

describe("PostgresDatabase", () => {
  databaseContract(() =>
    createPostgresDatabase({ connectionString, schema: freshSchema(), changesKept: CHANGES_KEPT }),
  );
});
