import type { Config } from "../config/index.ts";
import type { Log } from "../ports/executor.ts";
import { instead } from "../runtime/instead.ts";
import { createLocalDispatch, type LocalDispatch } from "../runtime/local-activities.ts";
import { rememberingStarts } from "../runtime/remember-starts.ts";
import { StateCache } from "../runtime/state-cache.ts";
import { createStoreClock, type StoreClock } from "../runtime/store-clock.ts";
import { createTimersHere, type FiringTimers } from "../runtime/timers-here.ts";
import { createWakesHere, type WakesHere } from "../runtime/wakes-here.ts";
import type { Adapters } from "./adapters.ts";

/** What a process does itself that would go through the queues otherwise; undefined where it is not the worker for it, or must not. */
export interface ShortWays {
  readonly activities: LocalDispatch | undefined;
  readonly wakes: WakesHere | undefined;
  readonly timers: FiringTimers | undefined;
  readonly clock: StoreClock;
  readonly cache: StateCache;
  /** Those given, with the short ways before them. */
  readonly adapters: Adapters;
}

const CACHED_STATES = 10_000;
/** Jobs of timers come so much later: most are fired before, and their jobs taken out unseen. */
const TIMER_JOBS_LATER_MS = 250;
const TIMERS_HELD = 10_000;
/** Decisions on timers under way at once: as many as keep the store busy. */
const TIMERS_AT_ONCE = 64;

/** @param isWorkflowWorker the process has that role. */
export function shortWays(config: Config, adapters: Adapters, log: Log, isWorkflowWorker: boolean): ShortWays {
  const clock = createStoreClock(adapters.events);
  const cache = new StateCache(CACHED_STATES);
  const activities = config.localActivities ? createLocalDispatch(config.taskConcurrency) : undefined;
  if (!isWorkflowWorker || !config.localWakes) {
    return { activities, wakes: undefined, timers: undefined, clock, cache, adapters };
  }
  const wakes = createWakesHere(adapters.queues, log, config.workerConcurrency);
  const laterMs = Math.min(TIMER_JOBS_LATER_MS, config.timerPrecisionMs / 2);
  const timers = createTimersHere(wakes, log, { clock, laterMs, most: TIMERS_HELD, atOnce: TIMERS_AT_ONCE });
  return {
    ...{ activities, wakes, timers, clock, cache },
    adapters: {
      ...adapters,
      events: rememberingStarts(adapters.events, cache),
      queues: instead(adapters.queues, { wake: wakes.wake }),
    },
  };
}
