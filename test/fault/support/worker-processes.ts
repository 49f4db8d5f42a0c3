import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

export interface WorkerProcess {
  readonly traceFile: string;
  /** SIGKILL; resolves to the moment, on the machine's monotonic clock, at which it is known to be gone. */
  kill(): Promise<bigint>;
  stop(): Promise<void>;
}

/** @param script beside this file */
export async function startWorkerProcess(script: string, url: string, traceFile: string): Promise<WorkerProcess> {
  const file = join(ROOT, "test/fault/support", script);
  const child = fork(file, [url, traceFile], { cwd: ROOT, execArgv: ["--import", "tsx"] });
  await isReady(child);
  return {
    traceFile,
    async kill() {
      await ended(child, () => child.kill("SIGKILL"));
      return process.hrtime.bigint();
    },
    stop: () => ended(child, () => child.send("stop")),
  };
}

async function isReady(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit").then(([code]) => {
    throw new Error(`the worker process ended with ${code} before it was ready`);
  });
  await Promise.race([once(child, "message"), exited]);
  exited.catch(() => undefined);
}

async function ended(child: ChildProcess, end: () => void): Promise<void> {
  const exit = once(child, "exit");
  end();
  await exit;
}
