import type { Redis } from "ioredis";
import type { HistoryEvent } from "../../engine/events.ts";
import type { NewFact } from "../../engine/facts.ts";
import { CorruptRecordError, VersionConflictError } from "../../errors.ts";
import type {
  AppendResult,
  Attention,
  Claim,
  Commit,
  CommitResult,
  Description,
  EventStore,
  EventStoreOptions,
  ExecutionHead,
  HistoryPage,
  Looked,
  ReadOptions,
  ReadResult,
  StartCommand,
  StartResult,
} from "../../ports/event-store.ts";
import { type ExecutionId, type Group, partitionOf, partitionOfExecution } from "../../values/ids.ts";
import { isClosed } from "../../values/status.ts";
import { nextTip } from "../../values/tip.ts";
import { createBlobs } from "./blobs.ts";
import { durabilityOf } from "./boot-checks.ts";
import { answered, pipelined } from "./connection.ts";
import { groupHash, type Keys } from "./keys.ts";
import { createLetters } from "./letters.ts";
import { openRedis, type RedisPlace } from "./open.ts";
import { createQuotaStore } from "./quotas.ts";
import {
  eventsOf,
  eventText,
  factOf,
  HEAD_FIELDS,
  headOf,
  headOfFields,
  list,
  moment,
  owedOf,
  snapshotOf,
  staticOf,
  staticText,
  texts,
  workText,
} from "./records.ts";
import { createRetentionStore } from "./retention.ts";
import { run, type Script, scriptOf } from "./scripts.ts";

export type RedisEventStoreOptions = RedisPlace & { readonly options: EventStoreOptions };

const reads = (name: string): Script => scriptOf(["lib", name], { writes: false });
const writes = (name: string): Script => scriptOf(["lib", name], { writes: true });
const SCRIPTS = {
  ...{ start: writes("start"), append: writes("append"), commit: writes("commit"), settle: writes("settle") },
  ...{ claim: writes("claim"), release: writes("release"), renew: writes("renew"), fault: writes("fault") },
  ...{
    looked: writes("looked"),
    lookSooner: writes("look-sooner"),
    endLeases: writes("end-leases"),
    due: reads("due"),
  },
  read: scriptOf(["lib", "read-log", "read"], { writes: false }),
  dueRead: scriptOf(["lib", "read-log", "due-read"], { writes: false }),
  ...{ attention: reads("attention"), describe: reads("describe") },
};

/** Most events that one command gives, so that a long history does not stop the server for others. */
const EVENTS_AT_ONCE = 1_000;
/** Between two looks at a record that another build wrote: it must not stand before what this one can rescue. */
const UNREADABLE_AGAIN_MS = 60_000;

/**
 * The event store on Redis 7 or later; how and why: README.md. `partitions` is to be called before anything that names a group.
 * @throws {StoreUnavailableError} when no Redis answers.
 * @throws {ConfigError} for a Redis that could lose what it has acknowledged.
 */
export async function createRedisEventStore(given: RedisEventStoreOptions): Promise<EventStore> {
  const { options } = given;
  const { connection, keys, close } = await openRedis(given);
  const { storePartitions, partitions } = partitionsOf(connection, keys);
  const onExecution = (executionId: ExecutionId, script: Script, ...args: readonly (string | number)[]) =>
    run(connection, script, keys.partition(partitionOfExecution(executionId)), [executionId, ...args]);
  const onGroup = async (group: Group) => partitionOf(group, await partitions());
  const grace = moment(options.lookGraceMs);
  const restOf = (executionId: ExecutionId) => (from: number, to: number) => {
    const log = keys.log(partitionOfExecution(executionId), executionId);
    return answered(connection.xrange(log, `${from}-0`, `${to}-0`, "COUNT", EVENTS_AT_ONCE));
  };

  return {
    ...createLetters(connection, keys, partitions),
    ...createBlobs(connection, keys),
    ...createQuotaStore(connection, keys, partitions),
    ...createRetentionStore(connection, keys, partitions),
    partitions: storePartitions,
    now: () => timeOf(connection),

    async start(command) {
      if ((await onGroup(command)) !== partitionOfExecution(command.executionId)) {
        throw new RangeError(`${command.executionId} is of another partition than its workflow ID`);
      }
      return startOf(command, (...args) => onExecution(command.executionId, SCRIPTS.start, ...args), grace);
    },

    async append(executionId, fact) {
      const [kind, name] = fact.kind === "message" ? ["m", fact.id] : ["a", fact.asked];
      const args = [kind, name, JSON.stringify(withoutAt(fact)), options.maxInbox, grace] as const;
      return (await onExecution(executionId, SCRIPTS.append, ...args)) as AppendResult;
    },

    async due(group) {
      return texts(await run(connection, SCRIPTS.due, keys.partition(await onGroup(group)), [groupHash(group)]));
    },

    async read(executionId, readOptions) {
      const reply = await onExecution(executionId, SCRIPTS.read, ...readArgs(readOptions));
      return reply === null ? null : readOf(list(reply), readOptions, restOf(executionId));
    },

    async dueAndRead(group, guess, readOptions) {
      const args = [groupHash(group), guess, ...readArgs(readOptions)];
      const [due, log] = list(await run(connection, SCRIPTS.dueRead, keys.partition(await onGroup(group)), args));
      return { due: texts(due), log: Array.isArray(log) ? await readOf(log, readOptions, restOf(guess)) : null };
    },

    async commit(executionId, commit) {
      return commitOf(
        executionId,
        commit,
        await onExecution(executionId, SCRIPTS.commit, ...commitArgs(commit, grace)),
      );
    },

    async settle(executionId, version) {
      return (await onExecution(executionId, SCRIPTS.settle, version)) === 1;
    },

    async claim(executionId, name, leaseMs): Promise<Claim | null> {
      const reply = await onExecution(executionId, SCRIPTS.claim, name, moment(leaseMs));
      if (reply === null) return null;
      const [head, entry, attempt, deaths] = list(reply);
      const [event] = eventsOf([entry]);
      if (event === undefined) throw new CorruptRecordError(`${executionId} has no event ${name}`);
      return { head: headOf(head), event, attempt: Number(attempt), deaths: Number(deaths) };
    },

    async release(executionId, name) {
      await onExecution(executionId, SCRIPTS.release, name);
    },

    async renew(claims, leaseMs) {
      const kept = new Map<string, boolean>();
      await Promise.all(
        [...namesByExecution(claims)].map(async ([executionId, names]) => {
          const reply = list(await onExecution(executionId, SCRIPTS.renew, moment(leaseMs), ...names));
          for (const [i, name] of names.entries()) kept.set(`${executionId}.${name}`, reply[i] === 1);
        }),
      );
      return claims.map(({ executionId, name }) => kept.get(`${executionId}.${name}`) ?? false);
    },

    async fault(executionId, kind, delayMs) {
      return Number(await onExecution(executionId, SCRIPTS.fault, kind, moment(delayMs), grace));
    },

    async attention(partition, limit) {
      const reply = await run(connection, SCRIPTS.attention, keys.partition(partition), [limit]);
      const [now, found, unreadable] = list(reply);
      await putOff(connection, texts(unreadable), Number(now) + UNREADABLE_AGAIN_MS);
      return list(found).map((each) => attentionOf(each, Number(now)));
    },

    async looked(executionId, { entries, lookAt }: Looked) {
      const args = entries.flatMap((entry) => [entry.name, entry.dispatch, moment(entry.lookAt)]);
      await onExecution(executionId, SCRIPTS.looked, moment(lookAt), ...args);
    },

    async endLeases(partition, until) {
      await run(connection, SCRIPTS.endLeases, keys.partition(partition), [moment(until)]);
    },

    async lookSooner(executionId, name, delayMs) {
      await onExecution(executionId, SCRIPTS.lookSooner, name, moment(delayMs));
    },

    async describe(executionId): Promise<Description | null> {
      const reply = await onExecution(executionId, SCRIPTS.describe);
      if (reply === null) return null;
      const [head, now, firsts, lasts, owed, inbox] = list(reply);
      const [first] = eventsOf(firsts);
      const [last] = eventsOf(lasts);
      if (first === undefined || last === undefined) throw new CorruptRecordError(`${executionId} has an empty log`);
      return { head: headOf(head), first, last, owed: owedOf(owed), inbox: Number(inbox), now: Number(now) };
    },

    async heads(executionIds) {
      const commands = executionIds.map(
        (id) => ["hmget", keys.head(partitionOfExecution(id), id), ...HEAD_FIELDS] as const,
      );
      return (await pipelined(connection, commands)).map(headOfFields);
    },

    async history(executionId, page) {
      const partition = partitionOfExecution(executionId);
      const events = eventsOf(await historyPage(connection, keys.log(partition, executionId), page));
      if (events.length > 0) return events;
      return (await answered(connection.exists(keys.head(partition, executionId)))) === 1 ? events : null;
    },

    async executionsOf(group) {
      return texts(await answered(connection.lrange(keys.runs(await onGroup(group), group), 0, -1)));
    },

    durability: () => durabilityOf(connection),
    close,
  };
}

/** The number of partitions is written once and never changes, so it is read once a process. */
function partitionsOf(connection: Redis, keys: Keys) {
  let known: number | undefined;
  const partitions = async () => {
    if (known !== undefined) return known;
    const stored = await answered(connection.hget(keys.meta, "partitions"));
    if (stored === null) throw new RangeError("the number of partitions was never stored: call partitions() at boot");
    known = Number(stored);
    return known;
  };
  const storePartitions = async (wanted: number) => {
    if (!Number.isInteger(wanted) || wanted < 1) throw new RangeError(`partitions must be 1 or more, got ${wanted}`);
    if (known === undefined) await answered(connection.hsetnx(keys.meta, "partitions", String(wanted)));
    return partitions();
  };
  return { partitions, storePartitions };
}

async function timeOf(connection: Redis): Promise<number> {
  const [seconds, micros] = await answered(connection.time());
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}

function namesByExecution(claims: Parameters<EventStore["renew"]>[0]): ReadonlyMap<ExecutionId, readonly number[]> {
  const names = new Map<ExecutionId, number[]>();
  for (const { executionId, name } of claims) {
    const of = names.get(executionId);
    if (of === undefined) names.set(executionId, [name]);
    else of.push(name);
  }
  return names;
}

/** Terminating names what it closes: when that moved meanwhile, it is closed at its new version. Each repeat follows a commit of another. */
async function startOf(
  command: StartCommand,
  script: (...args: readonly (string | number)[]) => Promise<unknown>,
  grace: number,
): Promise<StartResult> {
  const { event, tip, onOpen, reuse, tenant, definition } = command;
  const records = [groupHash(command), staticText(command), eventText(event)] as const;
  const fixed = [...records, tip, onOpen, reuse, grace, tenant, definition.digest] as const;
  let old: readonly (string | number)[] = ["", "", "", "", ""];
  for (;;) {
    const [result, reply, terminated] = list(await script(...fixed, ...old));
    const head = headOf(reply);
    if (result === "created") return { result, head, terminated: terminated ? String(terminated) : null };
    if (result === "existing") return { result, head };
    if (result !== "moved") return { result: "refused", because: result === "open" ? "open" : "reuse", head };
    old = terminationOf(head);
  }
}

function terminationOf({ executionId, version, tip }: ExecutionHead): readonly (string | number)[] {
  const event: HistoryEvent = {
    type: "execution.cancelled",
    sequence: version + 1,
    at: 0,
    source: "api-service",
    data: { reason: "another execution of its workflow ID was started in its place", terminated: true },
  };
  return [executionId, version, tip, eventText(event), nextTip(tip, event)];
}

/** A fact as it is written: the store stamps it. */
function withoutAt(fact: NewFact & { readonly at?: number }): NewFact {
  const { at: _at, ...rest } = fact;
  return rest;
}

function readArgs({ after, inboxLimit, snapshot = true }: ReadOptions): readonly (string | number)[] {
  return [after, inboxLimit, after === 0 && snapshot ? 1 : 0, EVENTS_AT_ONCE];
}

async function readOf(
  reply: readonly unknown[],
  { after }: ReadOptions,
  more: (from: number, to: number) => Promise<unknown>,
): Promise<ReadResult> {
  const [fields, readAt, snapshotText, entries, facts, waiting, owed] = reply;
  const head = headOf(fields);
  const snapshot = typeof snapshotText === "string" ? snapshotOf(snapshotText) : null;
  const start = snapshot?.version ?? after;
  const events = [...eventsOf(entries)];
  // What a log holds up to the head's version never changes, so the rest needs no part in the atomic read.
  while (events.length > 0 && start + events.length < head.version) {
    const next = eventsOf(await more(start + events.length + 1, head.version));
    if (next.length === 0) break;
    events.push(...next);
  }
  demandContiguous(events, start, head);
  const inbox = texts(facts).map(factOf);
  return {
    ...{ head, snapshot, events, inbox },
    inboxMore: Number(waiting) > inbox.length,
    owed: owedOf(owed),
    readAt: Number(readAt),
  };
}

function demandContiguous(
  events: readonly HistoryEvent[],
  after: number,
  { executionId, version }: ExecutionHead,
): void {
  const gap = events.findIndex(({ sequence }, i) => sequence !== after + i + 1);
  const missing = gap >= 0 ? after + gap + 1 : after + events.length + 1;
  if (gap >= 0 || missing <= version)
    throw new CorruptRecordError(`${executionId} has no event ${missing} of ${version}`);
}

function commitArgs(commit: Commit, grace: number): readonly (string | number)[] {
  const {
    expected,
    taken,
    tip,
    status,
    events,
    owed,
    snapshot,
    refuseUnread = false,
    unreadInbox = false,
    lookAfterMs,
  } = commit;
  const wrong = events.findIndex(({ sequence }, i) => sequence !== expected.version + 1 + i);
  if (wrong >= 0) throw new RangeError(`event ${wrong} of the commit does not follow version ${expected.version}`);
  return [
    ...[expected.version, expected.tip, expected.heard, taken, tip, status],
    ...[isClosed(status) ? 1 : 0, refuseUnread ? 1 : 0, unreadInbox ? 1 : 0],
    ...[
      snapshot === undefined ? "" : JSON.stringify(snapshot),
      lookAfterMs === undefined ? grace : moment(lookAfterMs),
    ],
    ...[events.length, ...events.flatMap((event) => [moment(event.at), eventText(event)])],
    ...[owed.add.length, ...owed.add.flatMap(owedArgs)],
    ...[owed.remove.length, ...owed.remove],
  ];
}

function owedArgs({ work, lookAt, claimed }: Commit["owed"]["add"][number]): readonly (string | number)[] {
  const [kind, fireAt] = work.kind === "timer" ? ["t", moment(work.fireAt)] : ["a", ""];
  return [work.name, kind, fireAt, moment(lookAt), claimed ? 1 : 0, workText(work)];
}

function commitOf(executionId: ExecutionId, { expected }: Commit, reply: unknown): CommitResult {
  const [result, head, unheard] = list(reply);
  if (result === "conflict") throw new VersionConflictError(executionId, expected.version);
  if (result === "unread") return { result };
  return { result: "committed", head: headOf(head), unheard: Number(unheard) };
}

/** Best effort, and apart from the script, which also runs on a Redis that takes no writes: a look that stays is skipped again. */
async function putOff(connection: Redis, looks: readonly string[], until: number): Promise<void> {
  const adds = looks.flatMap((key, i) =>
    i % 2 === 0 ? [connection.zadd(key, "XX", "GT", until, looks[i + 1] ?? "")] : [],
  );
  await Promise.allSettled(adds);
}

function attentionOf(reply: unknown, now: number): Attention {
  const [fixed, due, owed] = list(reply);
  const { executionId, tenant, workflowId } = staticOf(String(fixed));
  return { executionId, tenant, workflowId, now, due: due === 1, owed: owedOf(owed) };
}

function historyPage(connection: Redis, log: string, { after, limit, order }: HistoryPage): Promise<unknown> {
  if (order === "asc") return answered(connection.xrange(log, `(${after}-0`, "+", "COUNT", limit));
  return answered(connection.xrevrange(log, after === 0 ? "+" : `(${after}-0`, "-", "COUNT", limit));
}
