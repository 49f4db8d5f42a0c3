import { startEmbeddedPostgres } from "../../src/adapters/postgres/embedded.ts";

/** Owns an embedded PostgreSQL until it is killed: prints its address, or why there is none. */
const silent = () => undefined;
const log = { debug: silent, info: silent, warn: silent, error: silent };
try {
  const { url } = await startEmbeddedPostgres({ dataDir: process.argv[2] ?? "", log });
  console.log(JSON.stringify({ url }));
  setInterval(silent, 60_000);
} catch (error) {
  console.log(JSON.stringify({ error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }));
}
