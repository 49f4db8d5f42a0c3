import type { Changes, Database, ExecutionFilter, ExecutionSummary } from "../ports/database.ts";
import { fits } from "../ports/execution-filter.ts";
import type { Notices } from "../ports/notices.ts";
import type { TenantId } from "../values/ids.ts";
import { createHints } from "./hints.ts";

/** Changes read at once. */
const PAGE = 200;
/** Until the next read when the log holds something back. */
const HELD_BACK_MS = 25;

/** What somebody who follows is told. Whoever goes on from a position misses nothing after it. */
export type FeedItem =
  /** What changes from here on is told. */
  | { readonly kind: "ready"; readonly position: string }
  /** What changed before this is not kept any more: list the executions again, then go on from here. */
  | { readonly kind: "reset"; readonly position: string }
  | { readonly kind: "change"; readonly position: string; readonly summary: ExecutionSummary }
  /** Nothing that fits; a good place to go on from. */
  | { readonly kind: "passed"; readonly position: string };

export interface ChangeFeed {
  /**
   * Changes of status that fit, after a position or from now on.
   * @throws {RangeError} for what is not a position.
   */
  follow(
    tenant: TenantId,
    filter: ExecutionFilter,
    after: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<FeedItem, void, undefined>;
  close(): void;
}

export function createChangeFeed(
  database: Pick<Database, "changes">,
  notices?: Pick<Notices, "listen" | "connected">,
): ChangeFeed {
  const hints = createHints("changes", notices);
  /** Reads under way: all who are at one place share one. */
  const reads = new Map<string, Promise<Changes>>();
  const closing = new AbortController();

  function read(tenant: TenantId, after: string | undefined): Promise<Changes> {
    const place = `${tenant} ${after ?? ""}`;
    const underWay = reads.get(place);
    if (underWay !== undefined) return underWay;
    const reading = database.changes(tenant, after, PAGE).finally(() => reads.delete(place));
    reads.set(place, reading);
    return reading;
  }

  async function* follow(
    tenant: TenantId,
    filter: ExecutionFilter,
    after: string | undefined,
    given: AbortSignal,
  ): AsyncGenerator<FeedItem, void, undefined> {
    const signal = AbortSignal.any([given, closing.signal]);
    let position = after;
    let isGreeted = false;
    while (!signal.aborted) {
      const hint = hints.next(tenant, signal);
      try {
        const { changes, gone, end, more } = await read(tenant, position);
        if (gone) yield { kind: "reset", position: end };
        else if (!isGreeted) yield { kind: "ready", position: position ?? end };
        isGreeted = true;
        for (const { position: at, summary } of changes) {
          if (fits(summary, filter)) yield { kind: "change", position: at, summary };
        }
        if (end !== position) yield { kind: "passed", position: end };
        position = end;
        if (changes.length === PAGE || gone) continue;
        await (more ? hint.come(HELD_BACK_MS) : hint.come());
      } finally {
        hint.forget();
      }
    }
  }

  return {
    follow,
    close() {
      hints.stop();
      closing.abort();
    },
  };
}
