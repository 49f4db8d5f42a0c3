import { appendFileSync, existsSync, readFileSync } from "node:fs";

export type CommitOutcome = "committed" | "refused" | "empty";

/** One run of a group's wake-up, in nanoseconds of the machine's monotonic clock; `end` is null if it was killed. */
export interface Run {
  readonly group: string;
  readonly start: bigint;
  readonly end: bigint | null;
  readonly outcome: CommitOutcome | null;
}

export interface Trace {
  /** Notes that a run began; call the answer when it is over. */
  start(group: string): (outcome: CommitOutcome) => void;
  error(error: Error): void;
}

/** Written at once and synchronously, so that a SIGKILL loses no line. */
export function openTrace(file: string): Trace {
  let runs = 0;
  const write = (...words: unknown[]) => appendFileSync(file, `${words.join(" ")}\n`);
  return {
    start(group) {
      const run = runs++;
      write("start", run, process.hrtime.bigint(), group);
      return (outcome) => write("end", run, process.hrtime.bigint(), outcome);
    },
    error: (error) => write("error", error.message.replaceAll("\n", " ")),
  };
}

export function readTrace(file: string): { runs: Run[]; errors: string[] } {
  const runs = new Map<string, Run>();
  const errors: string[] = [];
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  for (const line of lines) {
    const [kind, run = "", at = "0", word = ""] = line.split(" ");
    const started = runs.get(run);
    if (kind === "error") errors.push(line.slice("error ".length));
    if (kind === "start") runs.set(run, { group: word, start: BigInt(at), end: null, outcome: null });
    if (kind === "end" && started) runs.set(run, { ...started, end: BigInt(at), outcome: word as CommitOutcome });
  }
  return { runs: [...runs.values()], errors };
}

/** How many runs began while an earlier run of their group was going on. */
export function countOverlaps(runs: readonly Run[]): number {
  const busyUntil = new Map<string, bigint>();
  let overlaps = 0;
  for (const { group, start, end } of runs.toSorted((a, b) => (a.start < b.start ? -1 : 1))) {
    const before = busyUntil.get(group) ?? 0n;
    if (start < before) overlaps++;
    const until = end ?? start;
    busyUntil.set(group, until > before ? until : before);
  }
  return overlaps;
}
