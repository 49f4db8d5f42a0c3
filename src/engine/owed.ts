import type { OwedWork } from "./owed-work.ts";
import { type ExecutionState, frameOf } from "./state.ts";

/** All work the world has not answered, oldest first. A closed execution is owed nothing. */
export function owed(state: ExecutionState): readonly OwedWork[] {
  if (state.phase !== "open") return [];
  const activities = Object.entries(state.activities).map(([name, { frame, queue, child }]): OwedWork => {
    const base = { name: Number(name), task: frameOf(state, frame).task };
    if (child !== undefined) return { kind: "child", ...base, await: child.await };
    return { kind: "activity", ...base, ...(queue === undefined ? {} : { queue }) };
  });
  const timers = Object.entries(state.timers).map(
    ([name, timer]): OwedWork => ({
      kind: "timer",
      name: Number(name),
      task: frameOf(state, timer.frame).task,
      purpose: timer.purpose,
      fireAt: timer.fireAt,
    }),
  );
  const subscriptions = Object.entries(state.subscriptions).map(
    ([name, { frame }]): OwedWork => ({ kind: "subscription", name: Number(name), task: frameOf(state, frame).task }),
  );
  return [...activities, ...timers, ...subscriptions].sort((a, b) => a.name - b.name);
}
