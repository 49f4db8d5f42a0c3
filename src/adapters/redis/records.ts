import type { HistoryEvent } from "../../engine/events.ts";
import type { Fact, NewFact } from "../../engine/facts.ts";
import type { OwedWork } from "../../engine/owed-work.ts";
import { CorruptRecordError, UnknownSchemaError } from "../../errors.ts";
import type { DeadLetter, ExecutionHead, NewDeadLetter, OwedEntry } from "../../ports/event-store.ts";
import type { ExpiredExecution } from "../../ports/retention.ts";
import type { Json } from "../../values/json.ts";
import type { ExecutionStatus } from "../../values/status.ts";

/** Of every record this build writes; another one is refused, never guessed. Also in `scripts/lib.lua`. */
export const SCHEMA = "1";

/** As Redis gives it: arrays of text and whole numbers. */
export type Reply = string | number | null | readonly Reply[];

export function texts(reply: unknown): readonly string[] {
  return list(reply).map(String);
}
export function list(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw new CorruptRecordError("a list was expected");
  return reply;
}

/** @throws {CorruptRecordError} unless it is the schema that this build knows. */
export function demandSchema(schema: string | undefined, what: string): void {
  if (schema !== SCHEMA) throw new UnknownSchemaError(`${what} has schema ${schema}, this build knows ${SCHEMA}`);
}

/** What never changes of a head. */
type StaticHead = Pick<ExecutionHead, "executionId" | "tenant" | "workflowId" | "definition" | "labels">;

export function staticText({ executionId, tenant, workflowId, definition, labels }: StaticHead): string {
  return JSON.stringify({ executionId, tenant, workflowId, definition, labels });
}
export function staticOf(text: string): StaticHead {
  return JSON.parse(text);
}

/** Fields of a head, in the order in which scripts give them, with the schema last. */
export const HEAD_FIELDS = [
  "static",
  "status",
  "version",
  "tip",
  "settled",
  "heard",
  "startedAt",
  "endedAt",
  "faults",
  "deaths",
  "notBefore",
  "parked",
  "v",
] as const;

/** On every path, so it is plain. */
export function headOf(reply: unknown): ExecutionHead {
  const values = list(reply);
  const { executionId, tenant, workflowId, definition, labels } = staticOf(String(values[0]));
  return {
    executionId,
    tenant,
    workflowId,
    definition,
    labels,
    status: String(values[1]) as ExecutionStatus,
    version: Number(values[2]),
    tip: String(values[3]),
    settled: Number(values[4]),
    heard: Number(values[5]),
    startedAt: Number(values[6]),
    endedAt: Number(values[7]) || null,
    faults: Number(values[8]),
    deaths: Number(values[9]),
    notBefore: Number(values[10]),
    parked: String(values[11]) || null,
  };
}
/** The answer to HMGET of HEAD_FIELDS. */
export function headOfFields(reply: unknown): ExecutionHead | null {
  const values = list(reply);
  const schema = values.at(-1);
  if (typeof schema !== "string") return null;
  demandSchema(schema, "an execution");
  return headOf(values);
}

export function eventText({ type, sequence, source, data }: HistoryEvent): string {
  return JSON.stringify({ type, sequence, source, data });
}
/** An entry of the log's stream: its id, then v, at and e with their values. */
export function eventOf(entry: unknown): HistoryEvent {
  const [id, fields] = list(entry);
  const [, schema, , at, , text = ""] = texts(fields);
  demandSchema(schema, `event ${id}`);
  const { type, sequence, source, data } = JSON.parse(text);
  if (`${sequence}-0` !== id) throw new CorruptRecordError(`event ${id} says that it is ${sequence}`);
  return { type, sequence, at: Number(at), source, data } as HistoryEvent;
}
export function eventsOf(reply: unknown): readonly HistoryEvent[] {
  return list(reply).map(eventOf);
}

/** "<schema> <a or m> <at> <JSON>" */
export function factOf(text: string): Fact {
  const [, schema, , at, json = ""] = /^(\d+) ([am]) (\d+) (.*)$/s.exec(text) ?? [];
  demandSchema(schema ?? /^\d+/.exec(text)?.[0], "a fact");
  return { ...(JSON.parse(json) as NewFact), at: Number(at) };
}

export function workText(work: OwedWork): string {
  return JSON.stringify(work);
}
const OWED = /^(\d+)\|(\d+)\|(-?\d+)\|(\d+)\|(\d+)\|(\d+)\|\d+\|([01])\|([^|]*)\|\w\|(.*)$/s;
function owedEntryOf(name: string, text: string): OwedEntry {
  const [, schema, since, lookAt, dispatch, attempt, deaths, isAnswered, parked, work = ""] = OWED.exec(text) ?? [];
  demandSchema(schema ?? /^\d+/.exec(text)?.[0], `owed work ${name}`);
  return {
    ...(JSON.parse(work) as OwedWork),
    since: Number(since),
    lookAt: Number(lookAt),
    dispatch: Number(dispatch),
    attempt: Number(attempt),
    deaths: Number(deaths),
    answered: isAnswered === "1",
    parked: parked || null,
  };
}
/** The answer to HGETALL of a map of owed work, by name. */
export function owedOf(reply: unknown): readonly OwedEntry[] {
  const flat = texts(reply);
  const entries: OwedEntry[] = [];
  for (let i = 0; i < flat.length; i += 2) entries.push(owedEntryOf(flat[i] ?? "", flat[i + 1] ?? ""));
  return entries.sort((a, b) => a.name - b.name);
}

/** "<schema> <version> <JSON>" */
export function snapshotOf(text: string): { readonly version: number; readonly state: Json } {
  const [, schema, version, json = ""] = /^(\d+) (\d+) (.*)$/s.exec(text) ?? [];
  demandSchema(schema ?? /^\d+/.exec(text)?.[0], "a snapshot");
  return { version: Number(version), state: JSON.parse(json) };
}

export function letterText(letter: NewDeadLetter): string {
  return JSON.stringify(letter);
}
export const LETTER_FIELDS = ["v", "letter", "parkedAt", "redrivenAt"] as const;
/** The answer to HMGET of LETTER_FIELDS. */
export function letterOf(reply: unknown): DeadLetter | null {
  const [schema, text, parkedAt, redrivenAt] = list(reply);
  if (typeof schema !== "string" || typeof text !== "string") return null;
  demandSchema(schema, "a dead letter");
  return { ...(JSON.parse(text) as NewDeadLetter), parkedAt: Number(parkedAt), redrivenAt: Number(redrivenAt) || null };
}

/** "<schema> <startedAt> <letter>=<open or redriven>,… <static>" */
export function expiredOf(text: string): ExpiredExecution {
  const [, schema, startedAt, letters = "", fixed = ""] = /^(\d+) (\d+) (\S*) (.*)$/s.exec(text) ?? [];
  demandSchema(schema ?? /^\d+/.exec(text)?.[0], "an expired execution");
  const { executionId, tenant, workflowId, definition } = staticOf(fixed);
  const each = letters === "" ? [] : letters.split(",").map((letter) => letter.split("="));
  return {
    ...{ executionId, tenant, workflowId, definition, startedAt: Number(startedAt) },
    letters: each.map(([id = "", state]) => ({ id, open: state === "open" })),
  };
}

/** A moment as the scripts take it: whole milliseconds; infinity is the last one that can be written. @throws {RangeError} for NaN. */
export function moment(ms: number): number {
  if (Number.isNaN(ms)) throw new RangeError("a moment must be a number");
  return Math.max(0, Math.min(Math.round(ms), Number.MAX_SAFE_INTEGER));
}
