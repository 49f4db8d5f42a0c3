import { accept } from "./accept.ts";
import { advance } from "./advance.ts";
import { type Draft, stamp } from "./draft.ts";
import type { HistoryEvent } from "./events.ts";
import { evolve } from "./evolve.ts";
import type { Fact } from "./facts.ts";
import { endOfHistory } from "./limits.ts";
import type { Situation } from "./scope.ts";
import type { ExecutionState } from "./state.ts";

/** What follows from a state and the facts of its inbox, without the outside world's help. */
export interface Decision {
  /** New events, oldest first. */
  readonly events: readonly HistoryEvent[];
  /** `before` with the new events folded in. */
  readonly state: ExecutionState;
  /** Facts taken, from the first; the others wait for the next decision. */
  readonly taken: number;
  /** The budget was spent before it came to rest: decide on after the commit. */
  readonly more: boolean;
}

/** How much one decision may do before others get their turn. */
export interface Budget {
  readonly events: number;
  /** True once it has taken long enough; asked after each step. */
  readonly isSpent?: () => boolean;
}

/**
 * Takes the facts one after another, each followed by small steps until nothing can move: what a fact leads to does not depend on
 * which commit holds the next one. Ends early when the budget is spent, but not before one fact or step. An execution that was cut
 * before it came to rest takes the first fact all the same: otherwise one that never rests could not be cancelled.
 */
export function decide(
  before: ExecutionState,
  facts: readonly Fact[],
  situation: Situation,
  { events: most, isSpent = () => false }: Budget = { events: 1_000 },
): Decision {
  const events: HistoryEvent[] = [];
  let state = before;
  let taken = 0;
  const record = (drafts: readonly Draft[]) => {
    for (const event of stamp(state, drafts, situation.now)) {
      events.push(event);
      state = evolve(state, event);
    }
  };
  const step = () => {
    const end = endOfHistory(state, situation);
    return end.length > 0 ? end : advance(state, situation);
  };
  const mayGoOn = () => events.length < most && (events.length === 0 || !isSpent());
  /** False when the budget was spent first. */
  const comesToRest = (): boolean => {
    for (let next = step(); next.length > 0; next = step()) {
      if (!mayGoOn()) return false;
      record(next);
    }
    return true;
  };
  for (const fact of facts) {
    // What comes after the end changes nothing, and a closing commit should leave nothing unread.
    if (taken > 0 && state.phase === "open" && !mayGoOn()) return { events, state, taken, more: true };
    record(accept(state, situation, fact));
    taken += 1;
    if (!comesToRest()) return { events, state, taken, more: true };
  }
  const rested = comesToRest();
  return { events, state, taken, more: !rested };
}
