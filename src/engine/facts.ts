import type { Json } from "../values/json.ts";
import type { Problem } from "../values/problem.ts";
import type { EventSource } from "./events.ts";

/** What the world says; waits in the inbox until a commit takes it. `id` is unique per execution. */
export type Fact = AnswerFact | MessageFact;

interface FactBase {
  readonly id: string;
  readonly source: EventSource;
  /** Store time at the append, epoch milliseconds; set by the store. */
  readonly at: number;
}

/** Answers owed work `asked`; accepted once, while owed. */
export interface AnswerFact extends FactBase {
  readonly kind: "answer";
  readonly asked: number;
  readonly outcome: { readonly ok: true; readonly output: Json } | { readonly ok: false; readonly error: Problem };
}

/** Carries its own id; accepted once per id, while the execution is open. */
export interface MessageFact extends FactBase {
  readonly kind: "message";
  readonly message:
    | { readonly type: "cancel"; readonly reason?: string }
    | { readonly type: "pause"; readonly reason?: string }
    | { readonly type: "resume"; readonly reason?: string }
    /** Written by the store's `unpark` when it reopens a failed execution. */
    | { readonly type: "retry"; readonly letter: string };
}

/** A fact before the store has stamped it. */
export type NewFact = Omit<AnswerFact, "at"> | Omit<MessageFact, "at">;
