import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks a second in /proc; the same on every Linux that Node runs on. */
const TICKS = 100;

/** CLOCK_MONOTONIC in milliseconds: comparable between the processes of one machine. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

interface ProcessTimes {
  readonly parent: string;
  /** CPU seconds of itself and of its children that have ended. */
  readonly seconds: number;
}

/** Null for a process that is gone, and where there is no /proc. */
function timesOf(pid: string): ProcessTimes | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
    return { parent: fields[1] ?? "", seconds: ticks / TICKS };
  } catch {
    return null;
  }
}

/** CPU seconds so far of processes and everything under them. */
function treeSeconds(roots: readonly number[]): number {
  const all = new Map<string, ProcessTimes>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const times = timesOf(pid);
    if (times !== null) all.set(pid, times);
  }
  const below = (pid: string): number => {
    const own = all.get(pid)?.seconds ?? 0;
    return [...all].reduce((sum, [child, { parent }]) => (parent === pid ? sum + below(child) : sum), own);
  };
  return roots.reduce((sum, pid) => sum + below(String(pid)), 0);
}

/** CPU seconds of the whole machine. */
function machineSeconds(): number {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  const [, user = 0, nice = 0, system = 0, , , irq = 0, soft = 0, steal = 0] = line.split(/\s+/).map(Number);
  return (user + nice + system + irq + soft + steal) / TICKS;
}

/** What a stretch of work has cost. */
export interface Cost {
  readonly seconds: number;
  /** CPU seconds by part: `service`, `store` and `client`. */
  readonly cpu: Readonly<Record<string, number>>;
  readonly cpuSeconds: number;
  /** Cores that other people's processes used meanwhile. */
  readonly foreignCores: number;
}

/** Starts to measure; the result ends it. All is NaN but the time where there is no /proc (not Linux). */
export function meter(parts: Readonly<Record<string, readonly number[]>>): () => Cost {
  const read = () => {
    if (process.platform !== "linux") return { cpu: {}, machine: Number.NaN };
    const { user, system } = process.cpuUsage();
    const own = Object.entries(parts).map(([name, pids]) => [name, treeSeconds(pids)] as const);
    return {
      cpu: Object.fromEntries([...own, ["client", (user + system) / 1e6] as const]),
      machine: machineSeconds(),
    };
  };
  const before = read();
  const begun = now();
  return () => {
    const seconds = (now() - begun) / 1000;
    const after = read();
    const cpu = Object.fromEntries(
      Object.entries(after.cpu).map(([name, value]) => [name, value - (before.cpu[name] ?? 0)]),
    );
    const cpuSeconds = Object.values(cpu).reduce((sum, value) => sum + value, 0);
    const foreign = (after.machine - before.machine - cpuSeconds) / seconds;
    return { seconds, cpu, cpuSeconds, foreignCores: Math.max(0, foreign) };
  };
}

/** A moment (1 s) in which the machine is mostly idle, waited for at most `seconds`. */
export async function quiet(seconds: number): Promise<void> {
  const end = now() + seconds * 1000;
  while (process.platform === "linux" && now() < end) {
    const busy = machineSeconds();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    if (machineSeconds() - busy < 0.35) return;
  }
}

/** The p-th percentile. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((p / 100) * sorted.length))] ?? Number.NaN;
}

/** Runs `task(i)` for i < n with at most `inFlight` at once. */
export async function bounded(n: number, inFlight: number, task: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const one = async () => {
    while (next < n) {
      const i = next;
      next += 1;
      await task(i);
    }
  };
  await Promise.all(Array.from({ length: Math.min(n, inFlight) }, one));
}
