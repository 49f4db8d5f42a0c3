export { type Budget, type Decision, decide } from "./decide.ts";
export type { HistoryEvent } from "./events.ts";
export { evolve, fold } from "./evolve.ts";
export type { Fact, NewFact } from "./facts.ts";
export { owed } from "./owed.ts";
export type { OwedWork } from "./owed-work.ts";
export type { Situation } from "./scope.ts";
export type { ExecutionState } from "./state.ts";
export { statusOf } from "./status.ts";
