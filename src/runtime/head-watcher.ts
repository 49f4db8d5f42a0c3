import type { EventStore, ExecutionHead } from "../ports/event-store.ts";
import type { Notices } from "../ports/notices.ts";
import type { ExecutionId } from "../values/ids.ts";
import { isClosed } from "../values/status.ts";
import { DEAF_LOOK_MS, SAFETY_LOOK_MS } from "./hints.ts";

/** Watches that begin within this are looked at together. */
const FIRST_LOOK_MS = 5;
/** Heads asked for in one round trip. */
const BATCH = 500;

/** What is known of a history: a hint, or what a look has found. */
export type Seen = Pick<ExecutionHead, "version" | "status">;

/** One execution, watched for as long as somebody needs it. */
export interface Watch {
  /** The latest that is known, once it is as wanted. Undefined when the watch ended, or there is no such execution. */
  until(wanted: (seen: Seen) => boolean): Promise<Seen | undefined>;
  /** What the store said after something was seen stands above it, unless more was seen meanwhile. */
  correct(seen: Seen, now: Seen): void;
  stop(): void;
}

/**
 * Tells many who wait what becomes of executions, with few reads: notices are heard, and all heads that are watched are looked at
 * together, when a watch begins and from time to time.
 */
export interface HeadWatcher {
  watch(executionId: ExecutionId, signal?: AbortSignal): Watch;
  /** True when it ended within `ms`; false on timeout, abort, close, or for an unknown execution. */
  ended(executionId: ExecutionId, ms: number, signal?: AbortSignal): Promise<boolean>;
  /** Ends all watches. */
  close(): void;
}

interface Watched {
  seen: Seen | undefined;
  readonly waiting: Set<() => void>;
  /** Watches of it; the last one ends it. */
  readonly holders: Set<object>;
  isUnknown: boolean;
}

export function createHeadWatcher(
  events: Pick<EventStore, "heads">,
  notices?: Pick<Notices, "listen" | "connected">,
  safetyLookMs = SAFETY_LOOK_MS,
): HeadWatcher {
  const watched = new Map<ExecutionId, Watched>();
  const fresh = new Set<ExecutionId>();
  let firstLook: NodeJS.Timeout | undefined;
  let safetyLook: NodeJS.Timeout | undefined;
  let isOpen = true;
  const stops = new Set<() => void>();

  const stopListening = notices?.listen({
    notice(notice) {
      const found = notice.kind === "execution" ? watched.get(notice.executionId) : undefined;
      if (found && notice.kind === "execution") learn(found, notice);
    },
    gap: () => lookSoon(watched.keys()),
  });

  /** What comes may be older than what is known; that something has closed is worth a look whatever its version. */
  function learn(found: Watched, { version, status }: Seen): void {
    const known = found.seen?.version ?? 0;
    if (version >= known || isClosed(status)) set(found, { version: Math.max(version, known), status });
  }

  function set(found: Watched, seen: Seen): void {
    found.seen = seen;
    for (const check of [...found.waiting]) check();
  }

  function lookSoon(ids: Iterable<ExecutionId>, ms = FIRST_LOOK_MS): void {
    for (const id of ids) fresh.add(id);
    if (!isOpen || fresh.size === 0) return;
    firstLook ??= setTimeout(async () => {
      const asked = [...fresh];
      fresh.clear();
      const isDone = await look(asked);
      firstLook = undefined;
      lookSoon(isDone ? [] : asked, isDone ? FIRST_LOOK_MS : DEAF_LOOK_MS);
    }, ms);
  }

  /** False when the store did not answer: whoever waits is told so by the read that follows the wait. */
  async function look(ids: readonly ExecutionId[]): Promise<boolean> {
    for (let from = 0; from < ids.length; from += BATCH) {
      const asked = ids.slice(from, from + BATCH).filter((id) => watched.has(id));
      if (asked.length === 0) continue;
      const heads = await events.heads(asked).catch(() => undefined);
      if (heads === undefined) return false;
      asked.forEach((id, index) => {
        const found = watched.get(id);
        const head = heads[index];
        if (found && head) learn(found, head);
        else if (found) {
          found.isUnknown = true;
          for (const check of [...found.waiting]) check();
        }
      });
    }
    return true;
  }

  function lookAgain(): void {
    if (safetyLook !== undefined || watched.size === 0 || !isOpen) return;
    const ms = notices?.connected() === true ? safetyLookMs : Math.min(DEAF_LOOK_MS, safetyLookMs);
    safetyLook = setTimeout(async () => {
      await look([...watched.keys()]);
      safetyLook = undefined;
      lookAgain();
    }, ms);
  }

  function hold(executionId: ExecutionId, holder: object): Watched {
    const found = watched.get(executionId) ?? {
      seen: undefined,
      waiting: new Set(),
      holders: new Set(),
      isUnknown: false,
    };
    watched.set(executionId, found);
    found.holders.add(holder);
    lookSoon([executionId]);
    lookAgain();
    return found;
  }

  function watch(executionId: ExecutionId, signal?: AbortSignal): Watch {
    const holder = {};
    let isOver = !isOpen || signal?.aborted === true;
    const found = isOver ? undefined : hold(executionId, holder);
    const checks = new Set<() => void>();
    const stop = () => {
      isOver = true;
      signal?.removeEventListener("abort", stop);
      found?.holders.delete(holder);
      if (found?.holders.size === 0 && watched.get(executionId) === found) watched.delete(executionId);
      for (const check of [...checks]) check();
      stops.delete(stop);
    };
    if (!isOver) {
      signal?.addEventListener("abort", stop, { once: true });
      stops.add(stop);
    }
    return {
      stop,
      correct: (seen, now) => found?.seen === seen && set(found, { version: now.version, status: now.status }),
      until: (wanted) =>
        new Promise((resolve) => {
          const check = () => {
            const isThere = found?.seen !== undefined && wanted(found.seen);
            if (!isOver && !isThere && found?.isUnknown !== true) return;
            found?.waiting.delete(check);
            checks.delete(check);
            resolve(isOver || !isThere ? undefined : found.seen);
          };
          found?.waiting.add(check);
          checks.add(check);
          check();
        }),
    };
  }

  return {
    watch,
    async ended(executionId, ms, signal) {
      if (ms <= 0) return false;
      const watching = watch(executionId, signal);
      const timeout = setTimeout(watching.stop, ms);
      try {
        return (await watching.until(({ status }) => isClosed(status))) !== undefined;
      } finally {
        clearTimeout(timeout);
        watching.stop();
      }
    },
    close() {
      isOpen = false;
      stopListening?.();
      for (const stop of [...stops]) stop();
      clearTimeout(firstLook);
      clearTimeout(safetyLook);
    },
  };
}
