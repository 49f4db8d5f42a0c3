import { setTimeout as sleep } from "node:timers/promises";
import type { HistoryEvent, TaskRequested } from "../engine/events.ts";
import { payloadProblem } from "../engine/index.ts";
import type { Claim, EventStore } from "../ports/event-store.ts";
import type { Intake, Log, Outcome } from "../ports/executor.ts";
import type { Queues } from "../ports/queues.ts";
import type { ExecutionId } from "../values/ids.ts";
import type { Json } from "../values/json.ts";
import { isClosed } from "../values/status.ts";
import type { HeadWatcher } from "./head-watcher.ts";

export interface IntakePorts {
  readonly events: Pick<EventStore, "append" | "history" | "read" | "release">;
  readonly queues: Pick<Queues, "wake">;
  readonly log: Log;
  /** Tells when a history has moved; asked for by whoever has messages to give only. */
  readonly watcher: () => Pick<HeadWatcher, "watch">;
  readonly payloadBytes: number;
}

/** An intake, and whether the engine has said that nothing more is wanted: then nobody waits for an outcome either. */
export interface OpenIntake extends Intake {
  readonly isOver: boolean;
}

/** Facts of an inbox that are looked at; more than any may hold. */
const INBOX_LIMIT = 1_000_000;
const PAGE = 200;
/** Until the history is read again that could not be read, or is that of an execution which has ended. */
const LOOK_AGAIN_MS = 250;
const APPEND_RETRY_MS = 50;
const APPEND_RETRY_MAX_MS = 2_000;

/**
 * Where the messages of an activity go: each is a fact of its own in the inbox, under a name that a repeated append has too. A later run
 * of the same activity counts on after those of the earlier ones.
 *
 * @param guard what may be recorded of a message.
 * @param elapsedMs since the activity was asked for.
 */
export async function openIntake(
  ports: IntakePorts,
  claim: Claim,
  event: TaskRequested,
  guard: (message: Json) => Outcome,
  elapsedMs: number,
  signal: AbortSignal,
): Promise<OpenIntake> {
  const { head, attempt } = claim;
  const { executionId } = head;
  const { frame, consumes } = event.data;
  const isFirst = attempt === 1 && (consumes?.received ?? 0) === 0;
  const before = isFirst ? { count: 0, last: undefined } : await givenBefore(ports.events, claim, event);
  let given = 0;
  let isOver = false;
  /** Up to here the history is read. */
  let seen = head.version;
  let processed = -1;

  async function look(): Promise<boolean> {
    const page = { after: seen, limit: PAGE, order: "asc" } as const;
    const events = await ports.events.history(executionId, page).catch(async (error: unknown) => {
      ports.log.warn({ executionId, err: error }, "the history was not read");
      await sleep(LOOK_AGAIN_MS, undefined, { signal });
      return null;
    });
    for (const each of events ?? []) {
      seen = each.sequence;
      if (each.type !== "event.processed" || each.data.frame !== frame) continue;
      processed = each.data.iteration;
      if (each.data.last) isOver = true;
    }
    return events !== null && events.length > 0;
  }

  return {
    before,
    elapsedMs,
    get isOver() {
      return isOver;
    },
    async keep(message) {
      const guarded = guard(message);
      if (!guarded.ok) return guarded.error;
      const tooLarge = payloadProblem(guarded.output, "the message", ports.payloadBytes);
      if (tooLarge !== undefined) return tooLarge;
      const id = `m${event.sequence}.${attempt}.${given}`;
      await appendFact(ports, executionId, id, { asked: event.sequence, value: guarded.output }, signal);
      given += 1;
      if (given === 1) await unblamed(ports, executionId, event.sequence);
      // A wake-up that cannot be added is seen to by attention.
      await ports.queues.wake(head, "message.received").catch((error: unknown) => {
        ports.log.warn({ executionId, err: error }, "no wake-up after a message");
      });
      return undefined;
    },
    async goesOn() {
      const wanted = before.count + given - 1;
      if (isOver || processed >= wanted) return !isOver;
      const watch = ports.watcher().watch(executionId, signal);
      try {
        while (!isOver && processed < wanted) {
          signal.throwIfAborted();
          if (await look()) continue;
          // Work on a message may take days.
          const moved = await watch.until(({ version, status }) => version > seen || isClosed(status));
          if (moved === undefined || moved.version <= seen) await sleep(LOOK_AGAIN_MS, undefined, { signal });
        }
      } finally {
        watch.stop();
      }
      return !isOver;
    },
  };
}

/** A run that gave something has made progress: the death of its process is nothing that counts against the activity. */
async function unblamed({ events, log }: IntakePorts, executionId: ExecutionId, asked: number): Promise<void> {
  await events.release(executionId, asked).catch((error: unknown) => {
    log.warn({ executionId, err: error }, "claim not released");
  });
}

/** For as long as the activity is owed; an inbox that is full is being read. */
async function appendFact(
  { events, log }: IntakePorts,
  executionId: ExecutionId,
  id: string,
  message: { readonly asked: number; readonly value: Json },
  signal: AbortSignal,
): Promise<void> {
  const fact = { kind: "message", id, source: "executor-service", message: { type: "consumed", ...message } } as const;
  for (let wait = APPEND_RETRY_MS; ; wait = Math.min(wait * 2, APPEND_RETRY_MAX_MS)) {
    signal.throwIfAborted();
    try {
      if ((await events.append(executionId, fact)) !== "full") return;
    } catch (error) {
      log.warn({ executionId, err: error }, "a message is not recorded yet");
    }
    await sleep(wait, undefined, { signal });
  }
}

/** What was given of the same task before: what the history holds, and behind it what waits in the inbox. */
async function givenBefore(
  events: Pick<EventStore, "history" | "read">,
  { head }: Claim,
  event: TaskRequested,
): Promise<Intake["before"]> {
  const options = { after: head.version, inboxLimit: INBOX_LIMIT, snapshot: false };
  const log = await events.read(head.executionId, options);
  const newest = lastMessage(log?.events ?? [], event) ?? (await messageInHistory(events, head, event));
  const waiting = (log?.inbox ?? []).flatMap((fact) =>
    fact.kind === "message" && fact.message.type === "consumed" && fact.message.asked === event.sequence
      ? [fact.message.value]
      : [],
  );
  return {
    count: (newest === undefined ? 0 : newest.place + 1) + waiting.length,
    last: waiting.at(-1) ?? newest?.value,
  };
}

type Message = { readonly place: number; readonly value: Json };

async function messageInHistory(
  events: Pick<EventStore, "history">,
  { executionId, version }: Claim["head"],
  event: TaskRequested,
): Promise<Message | undefined> {
  for (let after = version + 1; after > event.data.frame; ) {
    const page = (await events.history(executionId, { after, limit: PAGE, order: "desc" })) ?? [];
    const found = lastMessage([...page].reverse(), event);
    if (found !== undefined || page.length === 0) return found;
    after = page.at(-1)?.sequence ?? 0;
  }
  return undefined;
}

/** @param events oldest first. */
function lastMessage(events: readonly HistoryEvent[], { data: { frame } }: TaskRequested): Message | undefined {
  const found = events.findLast(
    (each) => each.type === "message.received" && each.data.frame === frame && each.data.value !== undefined,
  );
  if (found?.type !== "message.received" || found.data.value === undefined) return undefined;
  return { place: found.data.place, value: found.data.value };
}
