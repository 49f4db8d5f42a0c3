import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";

const EVERY_MS = 250;

interface Watched {
  readonly limitBytes: number;
  readonly exceeded: (bytes: number) => void;
}

const watched = new Map<number, Watched>();
let timer: NodeJS.Timeout | undefined;

/** Calls `exceeded` when the processes of a group together hold more than `limitBytes` of memory; returns how to stop looking. */
export function watchMemory(group: number, limitBytes: number, exceeded: (bytes: number) => void): () => void {
  watched.set(group, { limitBytes, exceeded });
  look();
  return () => void watched.delete(group);
}

/** One look at a time, for all groups at once. */
function look(): void {
  if (timer !== undefined) return;
  timer = setTimeout(() => {
    usageOfGroups(new Set(watched.keys()))
      .then((usage) => {
        for (const [group, bytes] of usage) {
          const { limitBytes, exceeded } = watched.get(group) ?? { limitBytes: Number.POSITIVE_INFINITY };
          if (bytes > limitBytes) exceeded?.(bytes);
        }
      })
      // Where memory cannot be looked at, the limit of each single process still holds.
      .catch(() => {})
      .finally(() => {
        timer = undefined;
        if (watched.size > 0) look();
      });
  }, EVERY_MS);
  timer.unref();
}

/** Resident bytes of each of these process groups. */
export async function usageOfGroups(groups: ReadonlySet<number>): Promise<ReadonlyMap<number, number>> {
  return process.platform === "linux" ? usageFromProc(groups) : usageFromPs(groups);
}

async function usageFromProc(groups: ReadonlySet<number>): Promise<ReadonlyMap<number, number>> {
  const usage = new Map<number, number>();
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
    // The name of the program, in parentheses, may hold anything.
    const group = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
    if (!groups.has(group)) continue;
    const status = await readFile(`/proc/${pid}/status`, "latin1").catch(() => "");
    const kilobytes = Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0);
    usage.set(group, (usage.get(group) ?? 0) + kilobytes * 1_024);
  }
  return usage;
}

async function usageFromPs(groups: ReadonlySet<number>): Promise<ReadonlyMap<number, number>> {
  const usage = new Map<number, number>();
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pgid=,rss="]);
  for (const line of stdout.split("\n")) {
    const [group = 0, kilobytes = 0] = line.trim().split(/\s+/).map(Number);
    if (groups.has(group)) usage.set(group, (usage.get(group) ?? 0) + kilobytes * 1_024);
  }
  return usage;
}
