import type { HistoryEvent } from "../engine/events.ts";
import { fold } from "../engine/index.ts";
import type { EventStore } from "../ports/event-store.ts";
import { instead } from "./instead.ts";
import type { StateCache } from "./state-cache.ts";

/**
 * The event store of a workflow worker: what was started through it needs not be read to be gone on with. A start that ended another
 * execution is looked at through the store, which knows what else the group is owed.
 */
export function rememberingStarts(events: EventStore, cache: StateCache): EventStore {
  return instead(events, {
    async start(command) {
      const started = await events.start(command);
      if (started.result !== "created" || started.terminated !== null) return started;
      const { head } = started;
      // As it is stored: with the store's time, and there are numbers that JSON does not keep.
      const event: HistoryEvent = JSON.parse(JSON.stringify({ ...command.event, at: head.startedAt }));
      const state = fold([event], null);
      cache.set({ state, head, owed: [], readAt: head.startedAt, snapshot: 0, dispatched: 0 });
      return started;
    },
  });
}
