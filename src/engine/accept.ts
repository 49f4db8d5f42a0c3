import { type Draft, decided } from "./draft.ts";
import type { AnswerFact, Fact, MessageFact } from "./facts.ts";
import { finish, taskOf } from "./flow.ts";
import { prepared } from "./prepared.ts";
import type { Situation } from "./scope.ts";
import { descendantsOf, type ExecutionState, type Frame, frameOf, ROOT } from "./state.ts";
import { consumedBy, noMoreMessages } from "./tasks/consume.ts";
import { heardBy, listensAgain } from "./tasks/listen.ts";
import { chosen } from "./tasks/switch.ts";

/**
 * What a fact from the inbox means: its events, or none when it changes nothing (it names nothing owed, the execution is in that
 * condition already). Kept while paused: an activity that ends is recorded, but nothing follows from it.
 */
export function accept(state: ExecutionState, situation: Situation, fact: Fact): readonly Draft[] {
  return fact.kind === "answer" ? acceptAnswer(state, situation, fact) : acceptMessage(state, situation, fact);
}

function acceptAnswer(state: ExecutionState, situation: Situation, fact: AnswerFact): readonly Draft[] {
  if (state.phase !== "open") return [];
  const pending = state.activities[fact.asked];
  if (pending === undefined) return [];
  // A result from anybody but the one who was asked is refused: an executor, or for a child execution the engine.
  const source = pending.child === undefined ? "executor-service" : "workflow-engine";
  if (fact.source !== source) return [];
  const frame = frameOf(state, pending.frame);
  if (pending.resource === true && frame.id === ROOT && !fact.outcome.ok) {
    const error = { ...fact.outcome.error, instance: "/input" };
    return [decided("workflow.failed", { error, frame: ROOT })];
  }
  if (frame.listen !== null && pending.resource !== true) return noMoreMessages(frame, fact);
  if (fact.outcome.ok) {
    const task = taskOf(situation, frame);
    if (pending.resource === true) return prepared(state, situation, frame, task, fact.asked);
    if (task === null) throw new Error("the workflow itself asks for no activity");
    if (task.kind === "switch") return chosen({ state, situation, frame, task }, fact.outcome.output, fact.asked);
    const answered = task.kind === "run" && task.run === "workflow" && task.discards ? null : fact.outcome.output;
    const output = task.kind === "run" && !task.await ? frame.input : answered;
    return finish(state, situation, frame, task, output, { asked: fact.asked });
  }
  const error = { ...fact.outcome.error, instance: frame.task };
  const data = { task: frame.task, frame: frame.id, error, asked: fact.asked };
  return [{ type: "task.failed", source, data }];
}

function acceptMessage(state: ExecutionState, situation: Situation, fact: MessageFact): readonly Draft[] {
  const { message } = fact;
  const said = "reason" in message && message.reason !== undefined ? { reason: message.reason } : {};
  switch (message.type) {
    case "cancel":
      return state.phase === "open" ? [fromApi("execution.cancelled", { ...said, terminated: false })] : [];
    case "pause":
      return state.phase === "open" && !state.paused ? [fromApi("execution.paused", said)] : [];
    case "resume":
      return state.phase === "open" && state.paused ? [fromApi("execution.resumed", said)] : [];
    case "event":
      return heardBy(state, situation, message, fact.source);
    case "consumed":
      return fact.source === "executor-service" ? consumedBy(state, situation, message) : [];
    case "retry":
      return state.phase === "failed" ? retried(state, situation, message.letter) : [];
  }
}

/**
 * Timeouts start anew, also those that have fired or went with the failed task: the time an execution lay dead does not count against it.
 * A try that starts over sets the limit of its attempt itself; one that handles an error has none.
 */
function retried(state: ExecutionState, situation: Situation, letter: string): readonly Draft[] {
  return [
    fromApi("execution.retried", { letter }),
    ...Object.entries(state.timers)
      .filter(([, { purpose }]) => purpose === "timeout" || purpose === "attempt")
      .map(([name, { frame, purpose }]) =>
        decided("timer.cancelled", { task: frameOf(state, frame).task, frame, purpose, timer: Number(name) }),
      ),
    ...surviving(state).flatMap((frame) => [
      ...again(frame, "timeout", situation.now),
      ...(frame.step.do === "fail" || frame.attempt?.section === "catch" ? [] : again(frame, "attempt", situation.now)),
      ...listensAgain(frame),
    ]),
  ];
}

/** The frames a redrive keeps: not those inside a frame that starts over, nor one that begins anew as another. */
function surviving(state: ExecutionState): readonly Frame[] {
  const over = Object.values(state.frames).filter(({ step }) => step.do === "fail");
  const gone = new Set([
    ...over.flatMap(({ id }) => descendantsOf(state, id).map((frame) => frame.id)),
    ...over.filter(({ begun }) => !begun).map(({ id }) => id),
  ]);
  return Object.values(state.frames).filter(({ id }) => !gone.has(id));
}

function again(frame: Frame, purpose: "timeout" | "attempt", now: number): readonly Draft[] {
  const ms = frame.limits[purpose];
  if (ms === undefined) return [];
  return [decided("timer.scheduled", { task: frame.task, frame: frame.id, purpose, fireAt: now + ms })];
}

function fromApi<Type extends Draft["type"]>(type: Type, data: Extract<Draft, { type: Type }>["data"]): Draft {
  return { type, source: "api-service", data } as Draft;
}
