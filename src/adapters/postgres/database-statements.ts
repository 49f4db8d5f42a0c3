import { statementsOf } from "./event-store-statements.ts";
import type { Statement } from "./pool.ts";

const DEFINITION = "tenant, namespace, name, version, digest, document, source, created_at";

const TEXTS = {
  ensureTenant: "INSERT INTO durabull.tenant (name) VALUES ($1) ON CONFLICT DO NOTHING",
  tenants: "SELECT name FROM durabull.tenant ORDER BY name",
  putDefinition: "SELECT durabull.put_definition($1, $2, $3, $4, $5, $6, $7, $8, $9) AS value",
  definition: `SELECT ${DEFINITION} FROM durabull.definition
    WHERE tenant = $1 AND namespace = $2 AND name = $3 AND listed AND ($4::text IS NULL OR version = $4::text)
    ORDER BY is_release DESC, version_order DESC, version DESC LIMIT 1`,
  definitionByDigest: `(SELECT ${DEFINITION} FROM durabull.definition WHERE tenant = $1 AND digest = $2 LIMIT 1)
    UNION ALL
    (SELECT ${DEFINITION} FROM durabull.document WHERE tenant = $1 AND digest = $2)
    LIMIT 1`,
  keepDocument: `INSERT INTO durabull.document (tenant, digest, namespace, name, version, document, source, created_at,
      idle_since)
    VALUES ($1, $2, $3, $4, $5, $6, $7, durabull.now_ms(), durabull.now_ms())
    ON CONFLICT (tenant, digest) DO UPDATE SET idle_since = excluded.idle_since`,
  // The order of versions runs down while the others run up, so that a comparison of rows will not do.
  definitions: `SELECT ${DEFINITION} FROM durabull.definition
    WHERE tenant = $1 AND listed AND ($2::text IS NULL OR namespace = $2) AND ($3::text IS NULL OR name = $3)
      AND ($4::text IS NULL OR (namespace, name) > ($4, $5)
        OR (namespace = $4 AND name = $5 AND (version_order, version) < ($6, $7)))
    ORDER BY namespace, name, version_order DESC, version DESC LIMIT $8`,
  unlistDefinition: `UPDATE durabull.definition SET listed = false, idle_since = durabull.now_ms()
    WHERE tenant = $1 AND namespace = $2 AND name = $3 AND listed AND ($4::text IS NULL OR version = $4::text)
    RETURNING version`,
  everHeldDefinition: "SELECT EXISTS (SELECT FROM durabull.definition) AS value",
  project: `SELECT durabull.project_summary(
      $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
  forget: "DELETE FROM durabull.summary WHERE execution_id = ANY ($1)",
  idleDocuments: `SELECT i.digest FROM (
      SELECT digest, idle_since FROM durabull.definition
      WHERE tenant = $1 AND NOT listed AND idle_since <= durabull.now_ms() - $2::bigint
      UNION ALL
      SELECT digest, idle_since FROM durabull.document WHERE tenant = $1 AND idle_since <= durabull.now_ms() - $2::bigint
    ) i GROUP BY i.digest ORDER BY min(i.idle_since), i.digest LIMIT $3 OFFSET $4`,
  // A document kept beside a registered one is idle while that is not.
  dropDocument: `WITH kept AS (
      DELETE FROM durabull.document WHERE tenant = $1 AND digest = $2 AND idle_since <= durabull.now_ms() - $3::bigint
      RETURNING digest
    ), unlisted AS (
      DELETE FROM durabull.definition
      WHERE tenant = $1 AND digest = $2 AND NOT listed AND idle_since <= durabull.now_ms() - $3::bigint
        AND NOT EXISTS (
          SELECT FROM durabull.document d
          WHERE d.tenant = $1 AND d.digest = $2 AND d.idle_since > durabull.now_ms() - $3::bigint
        )
      RETURNING digest
    ), resources AS (
      DELETE FROM durabull.resource
      WHERE tenant = $1 AND definition = $2 AND EXISTS (SELECT FROM kept UNION ALL SELECT FROM unlisted)
        AND NOT EXISTS (
          SELECT FROM durabull.definition d
          WHERE d.tenant = $1 AND d.digest = $2 AND NOT EXISTS (SELECT FROM unlisted)
        )
        AND NOT EXISTS (
          SELECT FROM durabull.document d WHERE d.tenant = $1 AND d.digest = $2 AND NOT EXISTS (SELECT FROM kept)
        )
    )
    SELECT EXISTS (SELECT FROM kept UNION ALL SELECT FROM unlisted) AS value`,
  pinResource: `INSERT INTO durabull.resource (tenant, definition, uri_hash, uri, content)
    VALUES ($1, $2, encode(sha256(convert_to($3, 'UTF8')), 'hex'), $3, $4) ON CONFLICT DO NOTHING`,
  resource: `SELECT content FROM durabull.resource
    WHERE tenant = $1 AND definition = $2 AND uri_hash = encode(sha256(convert_to($3, 'UTF8')), 'hex')`,
  resourceUris: 'SELECT uri FROM durabull.resource WHERE tenant = $1 AND definition = $2 ORDER BY uri COLLATE "C"',
  // All of one moment: the snapshot is the statement's own.
  changes: `WITH log AS (
      SELECT pg_snapshot_xmin(s)::text::bigint AS xmin, pg_snapshot_xmax(s)::text::bigint AS xmax FROM pg_current_snapshot() AS s
    )
    SELECT log.xmin, x.*, c.xid, c.number, c.version AS change_version, c.status AS change_status,
      c.ended_at AS change_ended_at, s.execution_id, s.tenant, s.workflow_id, s.namespace, s.name, s.definition_version,
      s.digest, s.status, s.version, s.labels, s.started_at, s.ended_at
    FROM log
    CROSS JOIN LATERAL (SELECT
      $2::bigint >= log.xmax OR EXISTS (
        SELECT FROM durabull.change_floor f WHERE f.tenant = $1 AND (f.xid, f.number) > ($2::bigint, $3::bigint)
      ) AS gone,
      EXISTS (SELECT FROM durabull.change p WHERE p.tenant = $1 AND p.xid >= log.xmin) AS pending
    ) x
    LEFT JOIN LATERAL (
      SELECT * FROM durabull.change c
      WHERE c.tenant = $1 AND (c.xid, c.number) > ($2::bigint, $3::bigint) AND c.xid < log.xmin
      ORDER BY c.xid, c.number LIMIT $4
    ) c ON true
    LEFT JOIN durabull.summary s ON s.execution_id = c.execution_id
    ORDER BY c.xid, c.number`,
  reserveKey: "SELECT durabull.reserve_key($1, $2, $3, $4, $5) AS value",
  settleKey: "UPDATE durabull.key_use SET outcome = $4 WHERE tenant = $1 AND use = $2 AND id = $3",
  releaseKey: "DELETE FROM durabull.key_use WHERE tenant = $1 AND use = $2 AND id = $3 AND NOT shared",
  openExecutions: `SELECT count(*) AS value FROM durabull.summary
    WHERE tenant = $1 AND namespace = $2 AND name = $3 AND ended_as IS NULL
      AND ($4::text IS NULL OR definition_version = $4::text)`,
  announceFunctions: `WITH announced AS (
      SELECT a.name, a.queue FROM unnest($2::text[], $3::text[]) AS a (name, queue)
    ), known AS (
      INSERT INTO durabull.function (name, queue, last_seen_at)
      SELECT a.name, a.queue, durabull.now_ms() FROM announced a
      ON CONFLICT (name) DO UPDATE SET queue = excluded.queue, last_seen_at = excluded.last_seen_at
    ), withdrawn AS (
      DELETE FROM durabull.announcement x WHERE x.worker = $1 AND x.name <> ALL ($2::text[])
    ), forgotten AS (
      DELETE FROM durabull.announcement x WHERE x.worker <> $1 AND x.expires_at < durabull.now_ms() - 3600000
    )
    INSERT INTO durabull.announcement (worker, name, expires_at)
    SELECT $1, a.name, durabull.now_ms() + $4::bigint FROM announced a
    ON CONFLICT (worker, name) DO UPDATE SET expires_at = excluded.expires_at`,
  functions: `SELECT f.name, f.queue, f.last_seen_at, EXISTS (
      SELECT FROM durabull.announcement a WHERE a.name = f.name AND a.expires_at > durabull.now_ms()
    ) AS online
    FROM durabull.function f ORDER BY f.name`,
} as const;

export type DatabaseStatements = Readonly<Record<keyof typeof TEXTS, Statement>>;

export function databaseStatements(schema: string): DatabaseStatements {
  return statementsOf(TEXTS, schema);
}
