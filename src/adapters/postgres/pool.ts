import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { StoreUnavailableError } from "../../errors.ts";

/** A query that is prepared once per connection under its name, or not at all. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
}
export type Row = Readonly<Record<string, unknown>>;

export interface PoolOptions {
  readonly connectionString: string;
  /** Connections at most. */
  readonly size: number;
  /** A query that takes longer is given up, whether it was carried out or not. */
  readonly queryTimeoutMs: number;
}

/** How long a caller waits for a connection: an API should say quickly that its store is away. */
const ACQUIRE_TIMEOUT_MS = 1_500;
const SERIALIZATION_FAILURE = "40001";
const DEADLOCK = "40P01";
const REPEATS = 5;
/** Connection lost, no room or memory, stopped by an operator, I/O error, read-only, timed out. */
const UNAVAILABLE = /^(08|53|57P|58|25006|57014|28|3D000)/;

export class Pool {
  readonly #pool: pg.Pool;

  constructor({ connectionString, size, queryTimeoutMs }: PoolOptions) {
    this.#pool = new pg.Pool({
      connectionString,
      max: size,
      connectionTimeoutMillis: ACQUIRE_TIMEOUT_MS,
      query_timeout: queryTimeoutMs,
      keepAlive: true,
      application_name: "durabull",
    });
    // An idle connection that breaks is replaced when it is needed.
    this.#pool.on("error", () => undefined);
  }

  /**
   * Runs one statement. It is a transaction of its own, so one that lost against another may be repeated.
   *
   * @throws {StoreUnavailableError} when the database does not answer or is in no state to.
   */
  async query<Result extends Row = Row>(statement: Statement, values: readonly unknown[] = []): Promise<Result[]> {
    for (let repeat = 0; ; repeat++) {
      try {
        return (await this.#pool.query<Result>({ ...statement, values: [...values] })).rows;
      } catch (error) {
        const code = sqlState(error);
        if ((code !== SERIALIZATION_FAILURE && code !== DEADLOCK) || repeat === REPEATS) throw storeError(error);
        await sleep(Math.random() * 10 * 2 ** repeat);
      }
    }
  }

  /** The one value of the one row. */
  async value<Value>(statement: Statement, values: readonly unknown[] = []): Promise<Value> {
    const [row] = await this.query<{ readonly value: Value }>(statement, values);
    if (row === undefined) throw new Error(`${statement.name ?? statement.text} gave no row`);
    return row.value;
  }

  async close(): Promise<void> {
    if (!this.#pool.ending) await this.#pool.end();
  }
}

/** SQLSTATE of an error that the server gave. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** What a caller may know of an error: that the database is away, or the error as it is. */
export function storeError(error: unknown): unknown {
  const code = sqlState(error);
  const isAway = code === undefined ? error instanceof Error && isOfTheWire(error) : UNAVAILABLE.test(code);
  return isAway ? new StoreUnavailableError("PostgreSQL", { cause: error }) : error;
}

/** Errors of sockets, and the driver's own, which have no code. */
function isOfTheWire(error: Error): boolean {
  if ("code" in error) return typeof error.code === "string" && /^E[A-Z]+$/.test(error.code);
  return /^(Connection terminated|timeout e|Query read timeout|Client .* not queryable|Cannot use a pool)/.test(
    error.message,
  );
}
