import type { EventStrategy, ListenTask } from "../dsl/workflow.ts";
import { type ExecutionState, heardSoFar } from "../engine/index.ts";
import type { Json } from "../values/json.ts";

/** What an execution listens for. */
export interface Listening {
  /** `any` of `until` an expression or other events: until that. */
  readonly strategy: EventStrategy["kind"];
  /** Of its filters, in declared order, each once: as they are written, `*` where there is none. */
  readonly types: readonly string[];
  /** Those that end it. */
  readonly until?: readonly string[];
  /** Events it has taken; absent: that cannot be told. */
  readonly heard?: number;
}

export function listeningOf({ to, until }: ListenTask, heard: number | undefined): Listening {
  const isStrategy = until !== null && "filters" in until;
  return {
    strategy: to.kind,
    types: typesOf(to),
    ...(isStrategy ? { until: typesOf(until) } : {}),
    ...(heard === undefined ? {} : { heard }),
  };
}

/** How many events each open subscription has taken, by name. */
export function heardIn(state: ExecutionState): ReadonlyMap<number, number> {
  const found = Object.entries(state.subscriptions).flatMap(([name, { frame }]) => {
    const listen = state.frames[frame]?.listen;
    return listen ? [[Number(name), heardSoFar(listen)] as const] : [];
  });
  return new Map(found);
}

/** For people. */
export function listeningText({ strategy, types, until, heard }: Listening): string {
  const what = strategy === "one" || types.length === 1 ? types.join(", ") : `${strategy} of ${types.join(", ")}`;
  const end = until === undefined ? "" : `, until ${until.join(", ")}`;
  return `it listens for ${what}${end}${heard === undefined ? "" : `; ${heard} heard`}`;
}

function typesOf({ filters }: EventStrategy): readonly string[] {
  if (filters.length === 0) return ["*"];
  return [...new Set(filters.map(({ filter }) => typeIn(filter.definition.with.type)))];
}

function typeIn(type: Json | undefined): string {
  return typeof type === "string" ? type : "*";
}
