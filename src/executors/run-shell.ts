import type { ShellProcess } from "../dsl/tasks/run-shell.ts";
import { createProcessExecutor, type ProcessExecutor, type ProcessPolicy } from "./process/runner.ts";

/** Carries out `run: shell`: the command is a text for `/bin/sh`. */
export function createShellExecutor(policy: ProcessPolicy): ProcessExecutor {
  return createProcessExecutor("shell", policy, async (given) => {
    const { command, arguments: args, environment, stdin } = given as ShellProcess;
    return { command: "/bin/sh", args: ["-c", command, "sh", ...args], environment, stdin };
  });
}
