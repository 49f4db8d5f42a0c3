import { afterAll, beforeAll, describe } from "vitest";
import { createPostgresDatabase } from "../../src/adapters/postgres/database.ts";
import { createPostgresEventStore } from "../../src/adapters/postgres/event-store.ts";
import { withBlobs } from "../../src/adapters/with-blobs.ts";
import { freshDatabase, startPostgres, type TestServer } from "../support/servers.ts";
import { CHANGES_KEPT, databaseContract } from "./database.contract.ts";
import { CONTRACT_OPTIONS, eventStoreContract, wholeValuesContract } from "./event-store.contract.ts";

/** Bytes beyond which a value is kept apart. */
const NEARLY_ALL = 4;

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

describe("PostgresEventStore with nearly all values kept apart", () => {
  wholeValuesContract(async () =>
    withBlobs(
      await createPostgresEventStore({ connectionString, schema: freshSchema(), options: CONTRACT_OPTIONS }),
      NEARLY_ALL,
    ),
  );
});

describe("PostgresDatabase", () => {
  databaseContract(() =>
    createPostgresDatabase({ connectionString, schema: freshSchema(), changesKept: CHANGES_KEPT }),
  );
});
