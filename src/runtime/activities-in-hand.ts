import type { EventStore } from "../ports/event-store.ts";
import type { Log } from "../ports/executor.ts";
import type { ExecutionId } from "../values/ids.ts";

export interface Held {
  /** Aborts once the activity is no longer owed. */
  readonly signal: AbortSignal;
  drop(): void;
}

/** The activities this process works on: asks the store for all of them at once whether they are still owed. */
export class ActivitiesInHand {
  readonly #held = new Map<symbol, { executionId: ExecutionId; name: number; controller: AbortController }>();
  readonly #timer: NodeJS.Timeout;
  #asking = false;
  #suspect: symbol | undefined;

  constructor(
    private readonly events: Pick<EventStore, "renew">,
    private readonly log: Log,
    private readonly leaseMs: number,
    everyMs: number,
  ) {
    this.#timer = setInterval(() => void this.#renew(), everyMs);
    this.#timer.unref();
  }

  hold(executionId: ExecutionId, name: number): Held {
    const key = Symbol(executionId);
    const controller = new AbortController();
    this.#held.set(key, { executionId, name, controller });
    return { signal: controller.signal, drop: () => void this.#held.delete(key) };
  }

  /**
   * Like `hold`, for one whose next death would be its last: null while this process holds another such. Only alone among its like
   * does it show which of those in hand ends the process.
   */
  holdSuspect(executionId: ExecutionId, name: number): Held | null {
    if (this.#suspect !== undefined) return null;
    const suspect = Symbol(executionId);
    this.#suspect = suspect;
    const held = this.hold(executionId, name);
    return {
      signal: held.signal,
      drop: () => {
        if (this.#suspect === suspect) this.#suspect = undefined;
        held.drop();
      },
    };
  }

  get size(): number {
    return this.#held.size;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #renew(): Promise<void> {
    const held = [...this.#held.values()];
    // A store that is slow to answer is not asked by ever more at once.
    if (held.length === 0 || this.#asking) return;
    this.#asking = true;
    try {
      const owed = await this.events.renew(held, this.leaseMs);
      held.forEach(({ controller }, i) => {
        if (owed[i] === false) controller.abort(new Error("the activity is no longer owed"));
      });
    } catch (error) {
      this.log.warn({ err: error, activities: held.length }, "leases not renewed");
    } finally {
      this.#asking = false;
    }
  }
}
