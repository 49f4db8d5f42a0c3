import type { Executor } from "../ports/executor.ts";
import type { ProcessKind, ProcessPolicy } from "./process/runner.ts";
import { createContainerExecutor } from "./run-container.ts";
import { createScriptExecutor } from "./run-script.ts";
import { createShellExecutor } from "./run-shell.ts";

/** The executors of every kind of process; `close` ends the processes that nobody waits for. */
export function createProcessExecutors(policy: ProcessPolicy): {
  readonly executors: Readonly<Record<ProcessKind, Executor>>;
  close(): Promise<void>;
} {
  const script = createScriptExecutor(policy);
  const shell = createShellExecutor(policy);
  const container = createContainerExecutor(policy);
  return {
    executors: { script, shell, container },
    close: async () => void (await Promise.all([script, shell, container].map((each) => each.close()))),
  };
}
