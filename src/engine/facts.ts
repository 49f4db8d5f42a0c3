import type { EventEnvelope } from "../values/cloud-event.ts";
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
    | { readonly type: "retry"; readonly letter: string }
    | EventMessage
    | ConsumedMessage;
}

/** What an activity gives before it ends; of its frame one after another. */
export interface ConsumedMessage {
  readonly type: "consumed";
  /** The activity's name. */
  readonly asked: number;
  readonly value: Json;
}

/** A published event that a subscription may be waiting for. */
export interface EventMessage {
  readonly type: "event";
  /** The subscription's name. */
  readonly subscription: number;
  readonly position: number;
  /** When it was published, store time, epoch milliseconds. */
  readonly publishedAt: number;
  readonly event: EventEnvelope;
  /** Its data as received, where that is not what JSON makes of it. */
  readonly raw?: string;
  /** Name of the `event.emitted` it comes from: `<executionId>.<sequence>`. */
  readonly origin?: string;
}

/** A fact before the store has stamped it. */
export type NewFact = Omit<AnswerFact, "at"> | Omit<MessageFact, "at">;
