import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";

export interface ChildRequest {
  /** A path, or a name that the shell finds. */
  readonly command: string;
  readonly args: readonly string[];
  /** All of it: nothing of this process's own goes along. */
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  /** Of each process of the group; 0 = no limit. */
  readonly memoryBytes: number;
}

/** A process in a group of its own, with all it starts. */
export interface Child {
  /** The group's id, which is the process's. */
  readonly group: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Once the first process of the group has ended and its streams are closed. Never rejects. */
  readonly ended: Promise<ChildEnd>;
  /** Ends the whole group: at once, or after `graceMs` in which it may end by itself. */
  kill(graceMs?: number): void;
}

export type ChildEnd =
  | { readonly by: "itself"; readonly code: number }
  | { readonly by: "signal"; readonly signal: NodeJS.Signals }
  | { readonly by: "never started"; readonly error: Error };

/** How long streams that somebody outside the group holds open are waited for. */
const STREAMS_MS = 1_000;

/**
 * Limits memory and core files, leaves somebody behind who ends the group once this process is gone (the other end of descriptor 3
 * closes then, however it died), and becomes the command.
 */
const GUARD = `
[ "$1" = 0 ] || ulimit -d "$1" 2>/dev/null
ulimit -c 0 2>/dev/null
(while read -r _; do :; done; kill -KILL 0) <&3 >/dev/null 2>&1 &
shift
exec "$@" 3<&-
`;

/** Starts a process. @throws {Error} where there are no process groups (Windows). */
export function startChild(request: ChildRequest): Child {
  if (process.platform === "win32") throw new Error("processes can be run on POSIX systems only");
  const kilobytes = Math.ceil(request.memoryBytes / 1_024);
  const child = spawn("/bin/sh", ["-c", GUARD, "sh", String(kilobytes), request.command, ...request.args], {
    cwd: request.directory,
    env: { ...request.environment },
    detached: true,
    stdio: ["pipe", "pipe", "pipe", "pipe"],
  });
  for (const stream of child.stdio) stream?.on("error", () => {});
  const group = child.pid ?? 0;
  const signalGroup = (signal: NodeJS.Signals) => {
    // Never 0 and never 1: the first is this process's own group, the second everybody.
    if (group <= 1) return;
    try {
      process.kill(-group, signal);
    } catch {
      // There is nobody left in it.
    }
  };
  let late: NodeJS.Timeout | undefined;
  const ended = endOf(child, () => {
    clearTimeout(late);
    signalGroup("SIGKILL");
  });
  return {
    group,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    kill(graceMs = 0) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      if (graceMs === 0) return signalGroup("SIGKILL");
      signalGroup("SIGTERM");
      late ??= setTimeout(() => signalGroup("SIGKILL"), graceMs);
    },
  };
}

function endOf(child: ChildProcess, endGroup: () => void): Promise<ChildEnd> {
  return new Promise((resolve) => {
    child.on("error", (error) => resolve({ by: "never started", error }));
    child.on("exit", (code, signal) => {
      // Its group's id cannot be anybody else's yet: whoever waits at descriptor 3 is still in it.
      endGroup();
      child.stdio[3]?.destroy();
      const closing = setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, STREAMS_MS);
      child.on("close", () => {
        clearTimeout(closing);
        resolve(signal === null ? { by: "itself", code: code ?? 0 } : { by: "signal", signal });
      });
    });
  });
}
