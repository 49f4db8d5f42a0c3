import type { Statement } from "./pool.ts";
import { inSchema } from "./schema-name.ts";

const TEXTS = {
  offerPartitions: "INSERT INTO durabull.setting (name, value) VALUES ('partitions', $1) ON CONFLICT (name) DO NOTHING",
  partitions: "SELECT value FROM durabull.setting WHERE name = 'partitions'",
  now: "SELECT durabull.now_ms() AS value",
  start: "SELECT durabull.start_execution($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) AS value",
  append: "SELECT durabull.append_fact($1, $2, $3, $4, $5, $6) AS value",
  due: "SELECT durabull.due_executions($1, $2, $3) AS value",
  read: "SELECT durabull.read_execution($1, $2, $3, $4, $5) AS value",
  commit: `SELECT durabull.commit_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
    AS value`,
  settle: "SELECT durabull.settle($1, $2) AS value",
  claim: "SELECT durabull.claim($1, $2, $3) AS value",
  release: "SELECT durabull.release_claim($1, $2)",
  renew: "SELECT durabull.renew_claims($1, $2, $3) AS value",
  fault: "SELECT durabull.count_fault($1, $2, $3, $4) AS value",
  park: "SELECT durabull.park($1, $2, $3, $4, $5, $6, $7)",
  unpark: "SELECT durabull.unpark($1, $2) AS value",
  letter: "SELECT durabull.json_of(l) AS letter FROM durabull.letter l WHERE l.tenant = $1 AND l.id = $2",
  letters: `SELECT durabull.json_of(l) AS letter, l.parked_at, l.number FROM durabull.letter l
    WHERE l.tenant = $1 AND ($2::bigint IS NULL OR (l.parked_at, l.number) < ($2::bigint, $3::bigint))
    ORDER BY l.parked_at DESC, l.number DESC LIMIT $4`,
  removeLetter: "SELECT durabull.remove_letter($1, $2) AS value",
  openLetters: `SELECT durabull.json_of(l) AS letter FROM durabull.letter l
    WHERE l.partition = $1 AND l.redriven_at IS NULL ORDER BY l.parked_at, l.number LIMIT $2 OFFSET $3`,
  attention: "SELECT durabull.attention_of($1, $2) AS value",
  looked: "SELECT durabull.note_look($1, $2, $3, $4, $5)",
  endLeases: "SELECT durabull.end_leases($1, $2)",
  lookSooner: "SELECT durabull.look_sooner($1, $2, $3)",
  describe: "SELECT durabull.describe_execution($1) AS value",
  heads: "SELECT e.id, durabull.json_of(e) AS head FROM durabull.execution e WHERE e.id = ANY ($1)",
  history: "SELECT durabull.history_page($1, $2, $3, $4) AS value",
  executionsOf: "SELECT e.id FROM durabull.execution e WHERE e.tenant = $1 AND e.workflow_id = $2 ORDER BY e.key",
  expire: "SELECT durabull.expire_executions($1, $2, $3, $4) AS value",
  forgotten: "DELETE FROM durabull.expired WHERE partition = $1 AND id = ANY ($2)",
  areNamed: `SELECT EXISTS (
      SELECT FROM durabull.execution e WHERE e.tenant = $1 AND durabull.digest_of(e.identity) = d.digest
    ) AS named
    FROM unnest($2::text[]) WITH ORDINALITY AS d (digest, place) ORDER BY d.place`,
  countOpen: `SELECT count(*) AS value FROM (
      SELECT FROM durabull.execution e WHERE e.tenant = $1 AND e.ended_at IS NULL LIMIT $2
    ) o`,
  takeStart: "SELECT durabull.take_start($1, $2) AS value",
  putBlobs: "SELECT durabull.put_blobs($1, $2, $3)",
  blobs: "SELECT b.hash, b.body FROM durabull.blob b WHERE b.execution_id = $1 AND b.hash = ANY ($2)",
  isDurable: "SELECT current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off' AS value",
} as const;

export type EventStoreStatements = Readonly<Record<keyof typeof TEXTS, Statement>>;

export function eventStoreStatements(schema: string): EventStoreStatements {
  return statementsOf(TEXTS, schema);
}

/** Statements in a schema, each prepared under its own name. */
export function statementsOf<Name extends string>(
  texts: Readonly<Record<Name, string>>,
  schema: string,
): Readonly<Record<Name, Statement>> {
  const entries = Object.entries<string>(texts).map(([name, text]) => [name, { name, text: inSchema(text, schema) }]);
  return Object.fromEntries(entries);
}
