import type { HistoryEvent } from "./events.ts";
import type { ExecutionState } from "./state.ts";

type DraftOf<Event extends HistoryEvent> = Event extends HistoryEvent ? Pick<Event, "type" | "source" | "data"> : never;
/** A decision before it has its place and time. */
export type Draft = DraftOf<HistoryEvent>;

type DataOf<Type extends Draft["type"]> = Extract<Draft, { type: Type }>["data"];

/** A decision of the engine itself. */
export function decided<Type extends Draft["type"]>(type: Type, data: DataOf<Type>): Draft {
  return { type, source: "workflow-engine", data } as Draft;
}

/** Gives drafts their sequences after `state` and their time. */
export function stamp(state: ExecutionState, drafts: readonly Draft[], at: number): readonly HistoryEvent[] {
  return drafts.map((draft, i) => ({ ...draft, sequence: state.version + 1 + i, at }) as HistoryEvent);
}
