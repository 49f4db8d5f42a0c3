import type { Log } from "../ports/executor.ts";
import type { Queues } from "../ports/queues.ts";
import type { Reconciler } from "./reconcile.ts";

export interface StandIn {
  start(): void;
  /** Resolves when the look under way has ended. */
  stop(): Promise<void>;
}

/**
 * Reconciles for as long as no worker takes timers. Workers that were scaled to zero promote nothing and look after nothing, so without
 * it a timer that comes due would be seen by nobody: it makes the wake-up that an autoscaler sees as backlog, by the store's clock, and
 * arms the timers beyond the horizon. It decides nothing; a worker does that. Several processes may stand in at once, as several
 * reconcilers may.
 *
 * @param everyMs between two looks.
 */
export function createStandIn(
  { queues, log }: { readonly queues: Pick<Queues, "takers">; readonly log: Log },
  reconciler: Pick<Reconciler, "round">,
  everyMs: number,
): StandIn {
  let stopped = true;
  let standing = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  async function look(): Promise<void> {
    try {
      const takers = await queues.takers("timers");
      const needed = takers === undefined || takers === 0;
      if (needed !== standing) {
        log.info({ takers }, needed ? "no workflow worker: looking after what comes due" : "workflow workers are back");
      }
      standing = needed;
      if (needed) await reconciler.round();
    } catch (error) {
      log.warn({ err: error }, "could not look whether workflow workers live");
    }
  }
  const tick = () => {
    running = look().finally(() => {
      if (!stopped) timer = setTimeout(tick, everyMs);
    });
  };
  return {
    start() {
      stopped = false;
      tick();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
