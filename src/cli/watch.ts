import type { DurabullClient, ExecutionBody } from "../client/index.ts";
import { EXIT } from "./exit-codes.ts";
import { type Progress, progressOn } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** Shows what an execution does, from its beginning, until it has ended. */
export async function watch(
  client: DurabullClient,
  executionId: string,
  terminal: Terminal,
  json = false,
): Promise<ExecutionBody> {
  const progress: Progress = json ? linesOn(terminal) : progressOn(terminal.stderr);
  const takeBack = terminal.onInterrupt(() => {
    progress.end();
    terminal.stderr.write(`execution ${executionId} goes on; to follow it: durabull executions watch ${executionId}\n`);
  });
  try {
    for await (const event of client.follow(executionId)) progress.event(event);
  } finally {
    takeBack();
    progress.end();
  }
  return client.ended(executionId);
}

/** Each event as a line of JSON. */
function linesOn({ stdout }: Terminal): Progress {
  return { event: (event) => void stdout.write(`${JSON.stringify(event)}\n`), end: () => undefined };
}

/** Prints how it ended; gives the exit code. */
export function report(execution: ExecutionBody, terminal: Terminal): number {
  switch (execution.status) {
    case "COMPLETED":
      terminal.stdout.write(`${JSON.stringify(execution.output ?? null, null, 2)}\n`);
      return EXIT.ok;
    case "FAILED":
      terminal.stderr.write(`failed: ${JSON.stringify(execution.error ?? null, null, 2)}\n`);
      return EXIT.failed;
    default:
      terminal.stderr.write(`${execution.status.toLowerCase()}\n`);
      return EXIT.cancelled;
  }
}

export function exitCodeOfEnd({ status }: ExecutionBody): number {
  if (status === "COMPLETED") return EXIT.ok;
  return status === "FAILED" ? EXIT.failed : EXIT.cancelled;
}
