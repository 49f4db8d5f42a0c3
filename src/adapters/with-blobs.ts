import type { HistoryEvent } from "../engine/events.ts";
import type { Fact, NewFact } from "../engine/facts.ts";
import { CorruptRecordError } from "../errors.ts";
import type { Commit, EventStore, ReadResult } from "../ports/event-store.ts";
import { type ExecutionId, hashOf } from "../values/ids.ts";
import { isJsonObject, type Json } from "../values/json.ts";
import { bytesBeyond } from "../values/json-size.ts";

/** Blobs read in one round trip. */
const AT_ONCE = 32;
/** Names the members of a record that are hashes of blobs. No record of ours has such a member; what users send stands deeper. */
const MARK = "$blobs";

type Members = Readonly<Record<string, unknown>>;

/**
 * An event store that keeps large members of events, facts and snapshots as blobs, under the hash of their text: the log names each, however
 * often it stands there. Blobs are put before what names them. Whoever reads sees whole values, in the order of keys that
 * their hash chain has.
 *
 * @param inlineBytes a member of more bytes as JSON becomes a blob.
 */
export function withBlobs(store: EventStore, inlineBytes: number): EventStore {
  const layer: Partial<EventStore> = {
    async start(command) {
      const out = new Outgoing(inlineBytes);
      const event = out.event(command.event);
      await out.put(store, command.executionId);
      return store.start({ ...command, event });
    },
    async append(executionId, fact) {
      const out = new Outgoing(inlineBytes);
      const small = out.fact(fact);
      await out.put(store, executionId);
      return store.append(executionId, small);
    },
    async commit(executionId, commit) {
      const out = new Outgoing(inlineBytes);
      const small = out.commit(commit);
      await out.put(store, executionId);
      return store.commit(executionId, small);
    },
    async read(executionId, options) {
      return wholeLog(store, executionId, await store.read(executionId, options));
    },
    async dueAndRead(group, guess, options) {
      const { due, log } = await store.dueAndRead(group, guess, options);
      return { due, log: await wholeLog(store, guess, log) };
    },
    async claim(executionId, name, leaseMs) {
      const claim = await store.claim(executionId, name, leaseMs);
      const whole = claim && (await wholeOf(store, executionId, [claim.event.data]));
      return claim && whole ? { ...claim, event: withData(claim.event, whole) } : claim;
    },
    async describe(executionId) {
      const found = await store.describe(executionId);
      const whole = found && (await wholeOf(store, executionId, [found.first.data, found.last.data]));
      if (found === null || !whole) return found;
      return { ...found, first: withData(found.first, whole), last: withData(found.last, whole) };
    },
    async history(executionId, page) {
      const events = await store.history(executionId, page);
      const whole =
        events &&
        (await wholeOf(
          store,
          executionId,
          events.map(({ data }) => data),
        ));
      return events && whole ? events.map((event) => withData(event, whole)) : events;
    },
  };
  const bound = new Map<PropertyKey, unknown>();
  return new Proxy(store, {
    get(target, name) {
      const known = bound.get(name);
      if (known !== undefined) return known;
      const member: unknown = Reflect.get(layer, name) ?? Reflect.get(target, name, target);
      const method = typeof member === "function" ? member.bind(target) : member;
      bound.set(name, method);
      return method;
    },
  });
}

/** Takes large members out of records that are about to be written. */
class Outgoing {
  readonly #texts = new Map<string, string>();

  constructor(private readonly inlineBytes: number) {}

  event<Event extends HistoryEvent>(event: Event): Event {
    const data = this.#small(event.data);
    return data === event.data ? event : ({ ...event, data } as Event);
  }

  fact(fact: NewFact): NewFact {
    if (fact.kind !== "answer") return fact;
    return { ...fact, outcome: this.#small(fact.outcome) } as NewFact;
  }

  commit(commit: Commit): Commit {
    const events = commit.events.map((event) => this.event(event));
    const snapshot = isJsonObject(commit.snapshot) ? { snapshot: this.#small(commit.snapshot) } : {};
    return this.#texts.size === 0 ? commit : { ...commit, events, ...snapshot };
  }

  async put(store: EventStore, executionId: ExecutionId): Promise<void> {
    if (this.#texts.size > 0) await store.putBlobs(executionId, this.#texts);
  }

  /** The same record when nothing in it is large. */
  #small<Value extends object>(record: Value): Value {
    // On every path, and nearly always for nothing.
    if (bytesBeyond(record, this.inlineBytes) === undefined) return record;
    const large = Object.entries(record).filter(([, value]) => bytesBeyond(value, this.inlineBytes) !== undefined);
    if (large.length === 0) return record;
    const hashes = large.map(([key, value]) => [key, this.#hashOf(JSON.stringify(value))]);
    return { ...record, ...Object.fromEntries(hashes), [MARK]: large.map(([key]) => key) };
  }

  #hashOf(text: string): string {
    const hash = hashOf(text);
    this.#texts.set(hash, text);
    return hash;
  }
}

/** Puts the blobs back into a record; the record itself when it names none. */
type Whole = (record: unknown) => unknown;

/** Null when no record names a blob. @throws {CorruptRecordError} when one that is named is not there. */
async function wholeOf(
  store: EventStore,
  executionId: ExecutionId,
  records: readonly unknown[],
): Promise<Whole | null> {
  const hashes = [...new Set(records.flatMap((record) => named(record).map(([, hash]) => hash)))];
  if (hashes.length === 0) return null;
  const texts = new Map<string, string>();
  for (let i = 0; i < hashes.length; i += AT_ONCE) {
    for (const [hash, text] of await store.blobs(executionId, hashes.slice(i, i + AT_ONCE))) texts.set(hash, text);
  }
  const valueBehind = (hash: string): unknown => {
    const text = texts.get(hash);
    if (text === undefined) throw new CorruptRecordError(`${executionId} has no blob ${hash}`);
    return JSON.parse(text);
  };
  return (record) => {
    const members = named(record);
    if (members.length === 0) return record;
    const { [MARK]: _mark, ...rest } = record as Members;
    return { ...rest, ...Object.fromEntries(members.map(([key, hash]) => [key, valueBehind(hash)])) };
  };
}

async function wholeLog(
  store: EventStore,
  executionId: ExecutionId,
  found: ReadResult | null,
): Promise<ReadResult | null> {
  if (found === null) return null;
  const { events, inbox, snapshot } = found;
  const records = [...events.map(({ data }) => data), ...inbox.map(outcomeOf), snapshot?.state];
  const whole = await wholeOf(store, executionId, records);
  if (whole === null) return found;
  return {
    ...found,
    events: events.map((event) => withData(event, whole)),
    inbox: inbox.map((fact) => withOutcome(fact, whole)),
    snapshot: snapshot === null ? null : { ...snapshot, state: whole(snapshot.state) as Json },
  };
}

/** Members of a record that are blobs, with their hashes. */
function named(record: unknown): readonly (readonly [key: string, hash: string])[] {
  if (typeof record !== "object" || record === null || !Object.hasOwn(record, MARK)) return [];
  const members = record as Members;
  const keys = members[MARK];
  return Array.isArray(keys) ? keys.map((key) => [String(key), String(members[key])] as const) : [];
}

function withData(event: HistoryEvent, whole: Whole): HistoryEvent {
  return { ...event, data: whole(event.data) } as HistoryEvent;
}

function outcomeOf(fact: Fact): unknown {
  return fact.kind === "answer" ? fact.outcome : undefined;
}

function withOutcome(fact: Fact, whole: Whole): Fact {
  return fact.kind === "answer" ? ({ ...fact, outcome: whole(fact.outcome) } as Fact) : fact;
}
