import { readFileSync } from "node:fs";

/** SIGSTOP: the processes keep everything they hold, and do nothing, until SIGCONT. */
export function halt(...pids: readonly number[]): { resume(): void } {
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  return {
    resume() {
      for (const pid of pids) process.kill(pid, "SIGCONT");
    },
  };
}

export function isHalted(pid: number): boolean {
  // After the name in parentheses, which may hold anything, comes the state.
  const [, state] = /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
  return state === "T";
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}
