import type { HistoryEvent, LogEvent } from "../../engine/events.ts";
import type { NewFact } from "../../engine/facts.ts";
import { CorruptRecordError, UnknownSchemaError, VersionConflictError } from "../../errors.ts";
import type {
  AppendResult,
  Attention,
  Claim,
  Commit,
  CommitResult,
  DeadLetter,
  Description,
  DueAndRead,
  EventStore,
  EventStoreOptions,
  ExecutionHead,
  HistoryPage,
  Looked,
  NewDeadLetter,
  Page,
  Paged,
  ReadOptions,
  ReadResult,
  StartCommand,
  StartResult,
  UnparkResult,
} from "../../ports/event-store.ts";
import type { ExpiredExecution, Retention } from "../../ports/retention.ts";
import { type ExecutionId, type Group, hashOf, partitionOfExecution } from "../../values/ids.ts";
import { isClosed } from "../../values/status.ts";
import { cursorOf, partsOfCursor } from "./cursor.ts";
import { type EventStoreStatements, eventStoreStatements } from "./event-store-statements.ts";
import { migratePostgres } from "./migrate.ts";
import { Pool } from "./pool.ts";
import { DEFAULT_SCHEMA } from "./schema-name.ts";

export interface PostgresEventStoreOptions {
  readonly connectionString: string;
  /** Default: `durabull`. */
  readonly schema?: string;
  readonly options: EventStoreOptions;
  /** Connections at most; default 10. */
  readonly poolSize?: number;
  /** Default 10,000. */
  readonly queryTimeoutMs?: number;
}

/** Latest schema number of a record that this build understands. */
const SCHEMA_NUMBER = 1;
/** Of the event that ends an execution when another start terminates it. */
const TERMINATED = { reason: "another execution of its workflow ID was started", terminated: true };

/**
 * Opens the store and brings its schema up to date.
 *
 * @throws {ConfigError} for a server, a user or a schema that will not do.
 * @throws {StoreUnavailableError}
 */
export async function createPostgresEventStore(options: PostgresEventStoreOptions): Promise<EventStore> {
  const { connectionString, schema = DEFAULT_SCHEMA, poolSize = 10, queryTimeoutMs = 10_000 } = options;
  await migratePostgres(connectionString, schema);
  const pool = new Pool({ connectionString, size: poolSize, queryTimeoutMs });
  return new PostgresEventStore(pool, eventStoreStatements(schema), options.options);
}

/** Each operation is one call of a function in the database; see migrations/. Answers come as JSON text. */
class PostgresEventStore implements EventStore {
  readonly #pool: Pool;
  readonly #sql: EventStoreStatements;
  readonly #options: EventStoreOptions;

  constructor(pool: Pool, sql: EventStoreStatements, options: EventStoreOptions) {
    this.#pool = pool;
    this.#sql = sql;
    this.#options = options;
  }

  async partitions(wanted: number): Promise<number> {
    await this.#pool.query(this.#sql.offerPartitions, [String(wanted)]);
    return Number(await this.#pool.value<string>(this.#sql.partitions));
  }

  async now(): Promise<number> {
    return Number(await this.#pool.value<string>(this.#sql.now));
  }

  async start(command: StartCommand): Promise<StartResult> {
    const { executionId, tenant, workflowId, definition, labels, event, tip, onOpen, reuse } = command;
    const identity = JSON.stringify({ executionId, tenant, workflowId, definition, labels }).slice(1, -1);
    const answer = await this.#pool.value<string>(this.#sql.start, [
      executionId,
      partitionOfExecution(executionId),
      tenant,
      workflowId,
      groupHash(command),
      identity,
      bodyOf(event),
      tip,
      onOpen,
      reuse,
      this.#options.lookGraceMs,
      JSON.stringify(TERMINATED),
    ]);
    return JSON.parse(answer);
  }

  append(executionId: ExecutionId, fact: NewFact): Promise<AppendResult> {
    return this.#pool.value(this.#sql.append, [
      executionId,
      fact.id,
      fact.kind === "answer" ? fact.asked : null,
      JSON.stringify(fact),
      this.#options.maxInbox,
      this.#options.lookGraceMs,
    ]);
  }

  due(group: Group): Promise<readonly ExecutionId[]> {
    return this.#pool.value(this.#sql.due, [group.tenant, group.workflowId, groupHash(group)]);
  }

  async dueAndRead(group: Group, guess: ExecutionId, options: ReadOptions): Promise<DueAndRead> {
    const [due, log] = await Promise.all([this.due(group), this.read(guess, options)]);
    return { due, log: due.includes(guess) ? log : null };
  }

  async read(
    executionId: ExecutionId,
    { after, inboxLimit, snapshot = true }: ReadOptions,
  ): Promise<ReadResult | null> {
    const values = [executionId, after, inboxLimit, snapshot, SCHEMA_NUMBER];
    const answer: ReadResult | UnknownSchema | null = parsed(await this.#pool.value(this.#sql.read, values));
    if (answer === null) return null;
    if ("unknownSchema" in answer) {
      throw new UnknownSchemaError(
        `execution ${executionId} has records of schema ${answer.unknownSchema}, this build knows ${SCHEMA_NUMBER}`,
      );
    }
    checkContiguous(answer, after);
    return answer;
  }

  async commit(executionId: ExecutionId, commit: Commit): Promise<CommitResult> {
    const { expected, events, owed } = commit;
    checkPlaces(commit);
    const answer = await this.#pool.value<string | null>(this.#sql.commit, [
      executionId,
      expected.version,
      expected.tip,
      expected.heard,
      commit.taken,
      events.map(bodyOf),
      events.map(({ at }) => at),
      commit.tip,
      commit.status,
      isClosed(commit.status),
      commit.snapshot === undefined ? null : JSON.stringify(commit.snapshot),
      commit.refuseUnread ?? false,
      owed.add.map(({ work }) => work.name),
      owed.add.map(({ work }) => JSON.stringify(work)),
      owed.add.map(({ work }) => (work.kind === "timer" ? work.fireAt : null)),
      owed.add.map(({ lookAt }) => lookAt),
      owed.add.map(({ claimed }) => (claimed ? 1 : 0)),
      owed.remove,
      commit.lookAfterMs ?? this.#options.lookGraceMs,
      commit.unreadInbox ?? false,
    ]);
    if (answer === null) throw new VersionConflictError(executionId, expected.version);
    return JSON.parse(answer);
  }

  settle(executionId: ExecutionId, version: number): Promise<boolean> {
    return this.#pool.value(this.#sql.settle, [executionId, version]);
  }

  async claim(executionId: ExecutionId, name: number, leaseMs: number): Promise<Claim | null> {
    return parsed(await this.#pool.value(this.#sql.claim, [executionId, name, leaseMs]));
  }

  async release(executionId: ExecutionId, name: number): Promise<void> {
    await this.#pool.query(this.#sql.release, [executionId, name]);
  }

  renew(
    claims: readonly { readonly executionId: ExecutionId; readonly name: number }[],
    leaseMs: number,
  ): Promise<readonly boolean[]> {
    const ids = claims.map(({ executionId }) => executionId);
    return this.#pool.value(this.#sql.renew, [ids, claims.map(({ name }) => name), leaseMs]);
  }

  fault(executionId: ExecutionId, kind: "error" | "death", delayMs: number): Promise<number> {
    const values = [executionId, kind === "death", delayMs, this.#options.lookGraceMs];
    return this.#pool.value(this.#sql.fault, values);
  }

  async park(letter: NewDeadLetter): Promise<void> {
    const { tenant, id, executionId, kind, name } = letter;
    const partition = partitionOfExecution(executionId);
    await this.#pool.query(this.#sql.park, [tenant, id, partition, executionId, kind, name, JSON.stringify(letter)]);
  }

  async unpark(tenant: string, letterId: string): Promise<UnparkResult> {
    return JSON.parse(await this.#pool.value<string>(this.#sql.unpark, [tenant, letterId]));
  }

  async letter(tenant: string, letterId: string): Promise<DeadLetter | null> {
    const [row] = await this.#pool.query<LetterRow>(this.#sql.letter, [tenant, letterId]);
    return row === undefined ? null : JSON.parse(row.letter);
  }

  async letters(tenant: string, { limit, cursor }: Page): Promise<Paged<DeadLetter>> {
    const [parkedAt, number] = cursor === undefined ? [null, null] : partsOfCursor(cursor, 2);
    const rows = await this.#pool.query<LetterRow>(this.#sql.letters, [tenant, parkedAt, number, limit + 1]);
    const items = rows.slice(0, limit).map(({ letter }): DeadLetter => JSON.parse(letter));
    const last = rows[limit - 1];
    if (rows.length <= limit || last === undefined) return { items };
    return { items, nextCursor: cursorOf(last.parked_at, last.number) };
  }

  removeLetter(tenant: string, letterId: string): Promise<"removed" | "unknown" | "open"> {
    return this.#pool.value(this.#sql.removeLetter, [tenant, letterId]);
  }

  async openLetters(partition: number, limit: number, offset = 0): Promise<readonly DeadLetter[]> {
    const rows = await this.#pool.query<LetterRow>(this.#sql.openLetters, [partition, limit, offset]);
    return rows.map(({ letter }) => JSON.parse(letter));
  }

  async attention(partition: number, limit: number): Promise<readonly Attention[]> {
    return parsed(await this.#pool.value(this.#sql.attention, [partition, limit])) ?? [];
  }

  async looked(executionId: ExecutionId, { entries, lookAt }: Looked): Promise<void> {
    await this.#pool.query(this.#sql.looked, [
      executionId,
      entries.map(({ name }) => name),
      entries.map(({ dispatch }) => dispatch),
      entries.map((entry) => entry.lookAt),
      lookAt,
    ]);
  }

  async endLeases(partition: number, until: number): Promise<void> {
    await this.#pool.query(this.#sql.endLeases, [partition, until]);
  }

  async lookSooner(executionId: ExecutionId, name: number, delayMs: number): Promise<void> {
    await this.#pool.query(this.#sql.lookSooner, [executionId, name, delayMs]);
  }

  async describe(executionId: ExecutionId): Promise<Description | null> {
    return parsed(await this.#pool.value(this.#sql.describe, [executionId]));
  }

  async heads(executionIds: readonly ExecutionId[]): Promise<readonly (ExecutionHead | null)[]> {
    const rows = await this.#pool.query<{ id: string; head: string }>(this.#sql.heads, [executionIds]);
    const heads = new Map(rows.map(({ id, head }): [string, ExecutionHead] => [id, JSON.parse(head)]));
    return executionIds.map((id) => heads.get(id) ?? null);
  }

  async history(
    executionId: ExecutionId,
    { after, limit, order }: HistoryPage,
  ): Promise<readonly HistoryEvent[] | null> {
    return parsed(await this.#pool.value(this.#sql.history, [executionId, after, limit, order === "desc"]));
  }

  async executionsOf({ tenant, workflowId }: Group): Promise<readonly ExecutionId[]> {
    const rows = await this.#pool.query<{ id: string }>(this.#sql.executionsOf, [tenant, workflowId]);
    return rows.map(({ id }) => id);
  }

  async putBlobs(executionId: ExecutionId, texts: ReadonlyMap<string, string>): Promise<void> {
    await this.#pool.query(this.#sql.putBlobs, [executionId, [...texts.keys()], [...texts.values()]]);
  }

  async blobs(executionId: ExecutionId, hashes: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#pool.query<{ hash: string; body: string }>(this.#sql.blobs, [executionId, hashes]);
    return new Map(rows.map(({ hash, body }) => [hash, body]));
  }

  async countOpen(tenant: string, atMost: number): Promise<number> {
    return Number(await this.#pool.value<string>(this.#sql.countOpen, [tenant, atMost]));
  }

  takeStart(tenant: string, perSecond: number): Promise<number> {
    return this.#pool.value(this.#sql.takeStart, [tenant, perSecond]);
  }

  async expire(
    partition: number,
    { closedForMs, letteredForMs }: Retention,
    limit: number,
  ): Promise<readonly ExpiredExecution[]> {
    const values = [partition, bounded(closedForMs), bounded(letteredForMs), limit];
    return parsed(await this.#pool.value(this.#sql.expire, values)) ?? [];
  }

  async forgotten(partition: number, executionIds: readonly ExecutionId[]): Promise<void> {
    await this.#pool.query(this.#sql.forgotten, [partition, executionIds]);
  }

  async areNamed(tenant: string, digests: readonly string[]): Promise<readonly boolean[]> {
    const rows = await this.#pool.query<{ named: boolean }>(this.#sql.areNamed, [tenant, digests]);
    return rows.map(({ named }) => named);
  }

  async durability(): Promise<"process" | "disk"> {
    return (await this.#pool.value<boolean>(this.#sql.isDurable)) ? "disk" : "process";
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

interface UnknownSchema {
  readonly unknownSchema: number;
}
interface LetterRow extends Readonly<Record<string, unknown>> {
  readonly letter: string;
  readonly parked_at: string;
  readonly number: string;
}

/** What a function of the database answered, which only our own migrations wrote. */
function parsed<Value>(answer: string | null): Value | null {
  return answer === null ? null : JSON.parse(answer);
}

/** As a signed 64-bit number in text. */
function groupHash({ tenant, workflowId }: Group): string {
  return BigInt.asIntN(64, BigInt(`0x${hashOf(tenant, workflowId).slice(0, 16)}`)).toString();
}

/** For ever is the longest time that can be written. */
function bounded(ms: number): number {
  return Math.min(Math.round(ms), Number.MAX_SAFE_INTEGER);
}

/** The store keeps `at` by itself: that of a first event is its own time. */
function bodyOf({ at: _at, ...rest }: LogEvent): string {
  return JSON.stringify(rest);
}

function checkPlaces({ expected, events }: Commit): void {
  const wrong = events.find(({ sequence }, i) => sequence !== expected.version + 1 + i);
  if (wrong !== undefined) throw new RangeError(`event ${wrong.sequence} does not follow version ${expected.version}`);
}

function checkContiguous({ head, snapshot, events }: ReadResult, after: number): void {
  const first = snapshot?.version ?? after;
  const gap = events.findIndex(({ sequence }, i) => sequence !== first + 1 + i);
  const last = events.at(-1)?.sequence ?? first;
  if (gap === -1 && last >= head.version) return;
  const missing = gap === -1 ? last + 1 : first + 1 + gap;
  throw new CorruptRecordError(
    `execution ${head.executionId} is at version ${head.version}, but event ${missing} is missing`,
  );
}
