import { Redis } from "ioredis";
import { Pool } from "pg";

/** What one run read: the facts waiting, and the version it decides from. */
export interface Batch {
  readonly version: number;
  readonly facts: readonly number[];
}

/** The smallest store that wake-ups can be tried against: per group an inbox, a log and a version. */
export interface Mailbox {
  append(group: string, fact: number): Promise<void>;
  read(group: string): Promise<Batch>;
  /** Moves the facts from inbox to log; false, and nothing moved, if the version is no longer the batch's. */
  commit(group: string, batch: Batch): Promise<boolean>;
  log(group: string): Promise<readonly number[]>;
  close(): Promise<void>;
}

export async function openMailbox(url: string): Promise<Mailbox> {
  return url.startsWith("redis:") ? redisMailbox(url) : postgresMailbox(url);
}

const REDIS_COMMIT = `
  if tonumber(redis.call('GET', KEYS[3]) or '0') ~= tonumber(ARGV[1]) then return 0 end
  redis.call('RPUSH', KEYS[2], unpack(ARGV, 2))
  redis.call('LTRIM', KEYS[1], #ARGV - 1, -1)
  redis.call('INCR', KEYS[3])
  return 1`;

function redisMailbox(url: string): Mailbox {
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  const inbox = (group: string) => `inbox:${group}`;
  const log = (group: string) => `log:${group}`;
  const version = (group: string) => `version:${group}`;
  return {
    async append(group, fact) {
      await redis.rpush(inbox(group), fact);
    },
    async read(group) {
      const before = await redis.get(version(group));
      return { version: Number(before ?? 0), facts: (await redis.lrange(inbox(group), 0, -1)).map(Number) };
    },
    async commit(group, batch) {
      const keys = [inbox(group), log(group), version(group)];
      return (await redis.eval(REDIS_COMMIT, 3, ...keys, batch.version, ...batch.facts)) === 1;
    },
    log: async (group) => (await redis.lrange(log(group), 0, -1)).map(Number),
    async close() {
      redis.disconnect();
    },
  };
}

const POSTGRES_SCHEMA = `
  CREATE TABLE IF NOT EXISTS head (grp text PRIMARY KEY, version int NOT NULL);
  CREATE TABLE IF NOT EXISTS inbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, grp text, fact int);
  CREATE TABLE IF NOT EXISTS log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, grp text, fact int);
  CREATE INDEX IF NOT EXISTS inbox_grp ON inbox (grp, id);
  CREATE OR REPLACE FUNCTION commit_batch(p_grp text, p_version int, p_facts int[]) RETURNS boolean
  LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO head VALUES (p_grp, 0) ON CONFLICT DO NOTHING;
    PERFORM 1 FROM head WHERE grp = p_grp AND version = p_version FOR UPDATE;
    IF NOT FOUND THEN RETURN false; END IF;
    INSERT INTO log (grp, fact) SELECT p_grp, unnest(p_facts);
    DELETE FROM inbox WHERE grp = p_grp AND fact = ANY (p_facts);
    UPDATE head SET version = version + 1 WHERE grp = p_grp;
    RETURN true;
  END $$;`;

/** Creates the tables of the mailbox in a fresh database. */
export async function createPostgresMailbox(url: string): Promise<void> {
  const pool = new Pool({ connectionString: url, max: 1 });
  await pool.query(POSTGRES_SCHEMA);
  await pool.end();
}

function postgresMailbox(url: string): Mailbox {
  const pool = new Pool({ connectionString: url, max: 5 });
  pool.on("error", () => undefined);
  const facts = async (table: "inbox" | "log", group: string) => {
    const { rows } = await pool.query<{ fact: number }>(`SELECT fact FROM ${table} WHERE grp = $1 ORDER BY id`, [
      group,
    ]);
    return rows.map(({ fact }) => fact);
  };
  return {
    async append(group, fact) {
      await pool.query("INSERT INTO inbox (grp, fact) VALUES ($1, $2)", [group, fact]);
    },
    async read(group) {
      const { rows } = await pool.query<{ version: number }>("SELECT version FROM head WHERE grp = $1", [group]);
      return { version: rows[0]?.version ?? 0, facts: await facts("inbox", group) };
    },
    async commit(group, batch) {
      const sql = "SELECT commit_batch($1, $2, $3) AS done";
      const { rows } = await pool.query<{ done: boolean }>(sql, [group, batch.version, batch.facts]);
      return rows[0]?.done === true;
    },
    log: (group) => facts("log", group),
    close: () => pool.end(),
  };
}
