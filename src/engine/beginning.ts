import type { Json, JsonObject } from "../values/json.ts";
import { problemToJson } from "../values/problem.ts";
import type { TaskPrepared, TaskSkipped, TaskStarted } from "./events.ts";
import { extensionMark, isInExtension, sectionAfter } from "./extensions.ts";
import { idle, omit, turn, withFrame, withoutAll, withoutWork } from "./frames.ts";
import { iterating } from "./listening.ts";
import { type Around, descendantsOf, type ExecutionState, type Frame, frameOf } from "./state.ts";

/** A frame of which nothing is known but how it began. */
export function newFrame(of: {
  id: number;
  parent: number;
  key: string;
  task: string;
  name: string;
  index: number;
  input: Json;
  transformed?: Json;
  at: number;
  path: string;
}): Frame {
  return {
    id: of.id,
    parent: of.parent,
    key: of.key,
    task: of.task,
    name: of.name,
    index: of.index,
    rawInput: of.input,
    input: of.transformed === undefined ? of.input : of.transformed,
    startedAt: of.at,
    path: of.path,
    vars: {},
    step: { do: "enter" },
    begun: true,
    limits: {},
    visits: {},
    activity: null,
    requests: 0,
    waitUntil: null,
    loop: null,
    attempt: null,
    fork: null,
    listen: null,
  };
}

/** A task begins: its frame, and what its beginning says about its parent. */
export function taskStarted(state: ExecutionState, { data, sequence, at }: TaskStarted): ExecutionState {
  const before = entered(occupied(state, data), data);
  const parent = frameOf(before, data.parent);
  const visit = (parent.visits[data.index] ?? 0) + 1;
  const frame: Frame = {
    ...newFrame({ ...data, id: sequence, at, path: pathOf(parent, data.index, visit) }),
    loop: data.loop === undefined ? null : { ...data.loop, index: -1 },
    begun: data.begun !== false,
    attempt: data.kind === "try" ? { number: 1, section: "try", since: at } : null,
    fork: data.fork === undefined ? null : { ...data.fork, outputs: {} },
    ...(data.extensions === undefined
      ? {}
      : { around: { active: data.extensions, section: "start", at: -1 } satisfies Around }),
  };
  const counted = withFrame(before, parent.id, { visits: { ...parent.visits, [data.index]: visit } });
  return { ...counted, frames: { ...counted.frames, [sequence]: frame }, ready: [...counted.ready, sequence] };
}

/** What a task waited for is at hand: it begins as it would have at once. */
export function taskPrepared(state: ExecutionState, { data }: TaskPrepared): ExecutionState {
  const { frame, transformed, loop, fork, extensions } = data;
  const { rawInput } = frameOf(state, frame);
  const ready = withFrame(withoutWork(state, frame), frame, {
    input: transformed === undefined ? rawInput : transformed,
    loop: loop === undefined ? null : { ...loop, index: -1 },
    fork: fork === undefined ? null : { ...fork, outputs: {} },
    ...(extensions === undefined ? {} : { around: { active: extensions, section: "start", at: -1 } satisfies Around }),
    begun: true,
    requests: 0,
  });
  return turn(ready, frame, { do: "enter" });
}

/** A parent waits for its children; a fork that is decided already (by a branch that was skipped) stays decided. */
function occupied(state: ExecutionState, data: TaskStarted["data"]): ExecutionState {
  const parent = frameOf(state, data.parent);
  const isBranch = parent.fork !== null && data.extension === undefined && !isInExtension(parent);
  return isBranch && parent.step.do === "next" ? state : idle(state, parent.id);
}

/** Place of a child: its index, its visit when a `then` came back to it, the iteration or handler it runs in. */
function pathOf(parent: Frame, index: number, visit: number): string {
  if (isInExtension(parent))
    return `${parent.path}${extensionMark(parent.around)}/${index}${visit > 1 ? `#${visit}` : ""}`;
  const at = parent.loop?.index ?? parent.listen?.iteration;
  const iteration = at === undefined ? "" : `[${at}]`;
  const handler = parent.attempt?.section === "catch" ? "!" : "";
  return `${parent.path}${iteration}${handler}/${index}${visit > 1 ? `#${visit}` : ""}`;
}

/** What the first child of an iteration or of a handler says about its parent. */
export function entered(before: ExecutionState, data: TaskStarted["data"] | TaskSkipped["data"]): ExecutionState {
  const state = sectioned(before, data);
  const parent = frameOf(state, data.parent);
  if (data.iteration !== undefined && parent.listen !== null) {
    return withFrame(state, parent.id, iterating(parent.listen, data.iteration));
  }
  if (data.iteration !== undefined && parent.loop !== null) {
    const loop = { ...parent.loop, index: data.iteration };
    return withFrame(state, parent.id, { loop, vars: loopVariables(loop), visits: {} });
  }
  if (data.caught !== undefined && parent.attempt !== null) {
    return withFrame(withoutAll(state, descendantsOf(state, parent.id)), parent.id, {
      attempt: { ...parent.attempt, section: "catch" },
      vars: { [data.caught.as]: problemToJson(data.caught.error) },
      visits: {},
    });
  }
  return state;
}

/** Which of its sections an extended parent is in, once this child has begun. An activity whose output is held back is over. */
function sectioned(state: ExecutionState, data: TaskStarted["data"] | TaskSkipped["data"]): ExecutionState {
  const parent = frameOf(state, data.parent);
  if (parent.around === undefined) return state;
  const around = sectionAfter(parent.around, data.extension);
  if (around === parent.around) return state;
  // What failed inside and was caught goes with the first task that comes after.
  const rest = around.section === "after" ? withoutAll(state, descendantsOf(state, parent.id)) : state;
  const moved = withFrame(rest, parent.id, { around, visits: {} });
  if (data.extension?.asked === undefined) return moved;
  const answered = withFrame(moved, parent.id, { activity: null });
  return { ...answered, activities: omit(answered.activities, [data.extension.asked]) };
}

/** The variables of an iteration. */
export function loopVariables(loop: { items: readonly Json[]; each: string; at: string; index: number }): JsonObject {
  return { [loop.each]: loop.items[loop.index] ?? null, [loop.at]: loop.index };
}
