import { isDeepStrictEqual } from "node:util";
import type { HistoryEvent } from "../../../src/engine/events.ts";
import type { Description, EventStore } from "../../../src/ports/event-store.ts";
import type { ExecutionId } from "../../../src/values/ids.ts";
import { NO_TIP, nextTip } from "../../../src/values/tip.ts";
import type { OutsideCall } from "../../support/outside.ts";
import { REFUSALS } from "./definitions.ts";
import { expected, type Run } from "./load.ts";

/** What is wrong with the executions of a load, a sentence each; nothing when every promise was kept. */
export async function violations(
  events: EventStore,
  runs: readonly Run[],
  calls: readonly OutsideCall[],
): Promise<readonly string[]> {
  const histories = await Promise.all(runs.map((run) => violationsOf(events, run)));
  const tags = new Set(runs.map(({ tag }) => tag));
  return [...histories.flat(), ...violationsOfCalls(calls.filter(({ path }) => tags.has(path.split("/")[1] ?? "")))];
}

async function violationsOf(events: EventStore, run: Run): Promise<readonly string[]> {
  const found: string[] = [];
  if (!isDeepStrictEqual(run, expected(run))) found.push(`ended ${run.status} with ${JSON.stringify(run.output)}`);
  found.push(...violationsOfRecord(await recordOf(events, run.executionId)));
  return found.map((what) => `${run.tag} (${run.executionId}): ${what}`);
}

/** All that is stored of an execution; null when it is lost. */
export interface ExecutionRecord {
  readonly description: Description;
  readonly history: readonly HistoryEvent[];
}

export async function recordOf(events: EventStore, executionId: ExecutionId): Promise<ExecutionRecord | null> {
  const description = await events.describe(executionId);
  const history = await events.history(executionId, { after: 0, limit: 100_000, order: "asc" });
  return description === null || history === null ? null : { description, history };
}

/** Of one that has ended: its history is whole and says nothing twice, and nothing is owed or unread. */
export function violationsOfRecord(record: ExecutionRecord | null): readonly string[] {
  if (record === null) return ["it is lost"];
  const found: string[] = [];
  const report = (what: string) => found.push(what);
  const { history, description } = record;
  const { head, owed, inbox } = description;
  history.forEach(({ sequence }, i) => {
    if (sequence !== i + 1) report(`event ${i + 1} has sequence ${sequence}`);
  });
  if (history.length !== head.version) report(`${history.length} events at version ${head.version}`);
  if (history.reduce(nextTip, NO_TIP) !== head.tip) report("the chain of its events does not lead to its tip");
  if (owed.length > 0 || inbox > 0) report(`${owed.length} works owed and ${inbox} facts unread after its end`);
  return [...found, ...violationsOfHistory(history)];
}

/** Each task ends once, each work asked for is answered once, no timer fires twice or before its time. */
export function violationsOfHistory(history: readonly HistoryEvent[]): readonly string[] {
  const found: string[] = [];
  const open = new Set<number>();
  const asked = new Set<number>();
  const timers = new Map<number, number>();
  for (const event of history) {
    switch (event.type) {
      case "task.started":
        open.add(event.sequence);
        break;
      case "task.requested":
        asked.add(event.sequence);
        break;
      case "timer.scheduled":
        timers.set(event.sequence, event.data.fireAt);
        break;
      case "task.cancelled":
        if (!open.delete(event.data.frame)) found.push(`event ${event.sequence} cancels a task that is not open`);
        break;
      case "task.completed":
        if (!open.delete(event.data.frame)) found.push(`event ${event.sequence} completes a task that is not open`);
        break;
      case "task.failed":
        if (!open.has(event.data.frame)) found.push(`event ${event.sequence} fails a task that is not open`);
        if (event.data.unwound) open.delete(event.data.frame);
        break;
      case "timer.cancelled":
        timers.delete(event.data.timer);
        break;
      case "timer.fired": {
        const fireAt = timers.get(event.data.timer);
        if (fireAt === undefined) found.push(`event ${event.sequence} fires a timer that is not set`);
        else if (event.at < fireAt) found.push(`event ${event.sequence} fires a timer ${fireAt - event.at} ms early`);
        timers.delete(event.data.timer);
        break;
      }
    }
    const answers = "asked" in event.data ? event.data.asked : undefined;
    if (answers !== undefined && !asked.delete(answers)) {
      found.push(`event ${event.sequence} answers ${answers}, which nobody asks (any more)`);
    }
  }
  return found;
}

/** Every call of a load has a path of its own: all its repeats carry one key, and no other call that key. */
export function violationsOfCalls(calls: readonly OutsideCall[]): readonly string[] {
  const found: string[] = [];
  const keys = new Map<string, string>();
  const paths = new Map<string, string>();
  for (const { path, idempotencyKey = "" } of calls) {
    if (idempotencyKey === "") found.push(`${path} was called without an Idempotency-Key`);
    const before = keys.get(path) ?? idempotencyKey;
    if (before !== idempotencyKey) found.push(`${path} was repeated with another key`);
    const other = paths.get(idempotencyKey) ?? path;
    if (other !== path) found.push(`${path} has the key of ${other}`);
    keys.set(path, idempotencyKey);
    paths.set(idempotencyKey, path);
  }
  return found;
}

/** Calls that were made more often than their workflow asked for. */
export function repeatedCalls(runs: readonly Run[], calls: readonly OutsideCall[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { path } of calls) counts.set(path, (counts.get(path) ?? 0) + 1);
  const tags = new Set(runs.map(({ tag }) => tag));
  return [...counts].flatMap(([path, count]) => {
    const asked = path.endsWith("/flaky") ? REFUSALS + 1 : 1;
    return tags.has(path.split("/")[1] ?? "") && count > asked ? [`${path}: ${count} calls`] : [];
  });
}
