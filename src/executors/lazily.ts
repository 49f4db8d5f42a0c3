import type { Executor } from "../ports/executor.ts";

/** Loaded by the first activity that needs it: what few workflows call should not lengthen every start. */
export function lazily(load: () => Promise<Executor>): Executor {
  let loading: Promise<Executor> | undefined;
  return async (activity, context) => {
    loading ??= load();
    return (await loading)(activity, context);
  };
}
