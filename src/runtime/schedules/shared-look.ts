import type { ScheduleKey } from "../../ports/schedules.ts";
import { pathOf } from "./firing.ts";

/**
 * One look for all who ask while another is under way: it begins after they asked, so it sees what they have seen. Many executions of one
 * schedule may end, or be started, at the same time, and each look would write the record against the others.
 */
export interface SharedLook {
  (key: ScheduleKey): Promise<void>;
  /** Resolves when no look is under way. */
  idle(): Promise<void>;
}

export function sharedLook(look: (key: ScheduleKey) => Promise<unknown>): SharedLook {
  interface Place {
    readonly running: Promise<void>;
    next: Promise<void> | null;
  }
  const places = new Map<string, Place>();

  function begin(id: string, key: ScheduleKey): Promise<void> {
    const running = look(key).then(() => undefined);
    const place: Place = { running, next: null };
    places.set(id, place);
    const forget = () => {
      if (place.next === null) places.delete(id);
    };
    running.then(forget, forget);
    return running;
  }

  const ask = (key: ScheduleKey): Promise<void> => {
    const id = `${key.tenant} ${pathOf(key)}`;
    const place = places.get(id);
    if (place === undefined) return begin(id, key);
    place.next ??= place.running.catch(() => undefined).then(() => begin(id, key));
    return place.next;
  };
  const idle = async (): Promise<void> => {
    while (places.size > 0) await Promise.allSettled([...places.values()].map(({ running, next }) => next ?? running));
  };
  return Object.assign(ask, { idle });
}
