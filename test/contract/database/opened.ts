import { afterEach, beforeEach } from "vitest";
import type { Database } from "../../../src/ports/database.ts";
import type { Page, Paged } from "../../../src/ports/event-store.ts";

export type OpenDatabase = () => Promise<Database>;

/** Registers the opening and closing of a database for each test of the room. */
export function eachDatabase(open: OpenDatabase): () => Database {
  let database: Database | undefined;
  beforeEach(async () => {
    database = await open();
  });
  afterEach(async () => {
    await database?.close();
    database = undefined;
  });
  return () => {
    if (database === undefined) throw new Error("the database is open inside tests only");
    return database;
  };
}

/** All pages, one after the other. Fails for a list that never ends. */
export async function pagesOf<Item>(
  limit: number,
  list: (page: Page) => Promise<Paged<Item>>,
): Promise<readonly (readonly Item[])[]> {
  const pages: (readonly Item[])[] = [];
  let cursor: string | undefined;
  do {
    const page = await list(cursor === undefined ? { limit } : { limit, cursor });
    pages.push(page.items);
    cursor = page.nextCursor;
    if (pages.length > 1_000) throw new Error("the list has no end");
  } while (cursor !== undefined);
  return pages;
}
