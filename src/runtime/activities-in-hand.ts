import type { EventStore } from "../ports/event-store.ts";
import type { Log } from "../ports/executor.ts";
import type { ExecutionId } from "../values/ids.ts";

export interface Held {
  /** Aborts once the activity is no longer owed, or must be handed back. */
  readonly signal: AbortSignal;
  /** False once nobody waits for it any more. */
  readonly owed: boolean;
  abandon(): void;
  handBack(): void;
  drop(): void;
}

class Holding implements Held {
  readonly #controller = new AbortController();
  owed = true;

  constructor(
    readonly executionId: ExecutionId,
    readonly name: number,
    private readonly dropped: (holding: Holding) => void,
  ) {}

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abandon(): void {
    this.owed = false;
    this.#controller.abort(new Error("the activity is no longer owed"));
  }

  handBack(): void {
    this.#controller.abort(new Error("this process shuts down"));
  }

  drop(): void {
    this.dropped(this);
  }
}

/** The activities this process works on: asks the store for all of them at once whether they are still owed. */
export class ActivitiesInHand {
  readonly #held = new Set<Holding>();
  readonly #timer: NodeJS.Timeout;
  #asking = false;
  #suspect: Holding | undefined;

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
    const holding = new Holding(executionId, name, this.#drop);
    this.#held.add(holding);
    return holding;
  }

  /**
   * Like `hold`, for one whose next death would be its last: null while this process holds another such. Only alone among its like
   * does it show which of those in hand ends the process.
   */
  holdSuspect(executionId: ExecutionId, name: number): Held | null {
    if (this.#suspect !== undefined) return null;
    const holding = new Holding(executionId, name, this.#drop);
    this.#suspect = holding;
    this.#held.add(holding);
    return holding;
  }

  readonly #drop = (holding: Holding) => {
    this.#held.delete(holding);
    if (this.#suspect === holding) this.#suspect = undefined;
  };

  get size(): number {
    return this.#held.size;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #renew(): Promise<void> {
    const held = [...this.#held];
    // A store that is slow to answer is not asked by ever more at once.
    if (held.length === 0 || this.#asking) return;
    this.#asking = true;
    try {
      const owed = await this.events.renew(held, this.leaseMs);
      held.forEach((holding, i) => {
        if (owed[i] === false) holding.abandon();
      });
    } catch (error) {
      this.log.warn({ err: error, activities: held.length }, "leases not renewed");
    } finally {
      this.#asking = false;
    }
  }
}
