import { spawn } from "node:child_process";
import { Socket } from "node:net";

/** Ends what it watches when this process is gone, even when that was killed and ran no exit handler. */
export interface Guardian {
  /** From now on, the process to end; `undefined`: none. */
  watch(pid: number | undefined): void;
}

/** Reads process ids until this process closes the pipe by dying, then ends the last of them and removes the directory. */
const SCRIPT = `
while read -r line; do pid="$line"; done
if [ -n "$pid" ]; then kill -s "$1" "$pid"; sleep 1; kill -s KILL "$pid"; fi
if [ -n "$2" ]; then rm -rf "$2"; fi
`;

/**
 * @param signal the first signal, followed after a second by SIGKILL.
 * @param dir removed at the end; `undefined`: nothing is removed.
 */
export function startGuardian(signal: NodeJS.Signals, dir: string | undefined): Guardian {
  const args = ["-c", SCRIPT, "guardian", signal.replace("SIG", ""), dir ?? ""];
  const child = spawn("sh", args, { stdio: ["pipe", "ignore", "ignore"], cwd: "/", detached: true });
  child.once("error", () => undefined);
  child.stdin.on("error", () => undefined);
  child.unref();
  if (child.stdin instanceof Socket) child.stdin.unref();
  return { watch: (pid) => void child.stdin.write(`${pid ?? ""}\n`) };
}
