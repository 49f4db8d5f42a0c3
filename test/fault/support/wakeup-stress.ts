import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Mailbox, openMailbox } from "./mailbox.ts";
import { countOverlaps, type Run, readTrace } from "./run-trace.ts";
import { openWakeups, type Wakeups } from "./wakeups.ts";
import { startWorkerProcess, type WorkerProcess } from "./worker-processes.ts";

export interface StressSize {
  readonly groups: number;
  /** Of all groups together. */
  readonly facts: number;
  /** How many worker processes are killed, one every 0.2 to 0.6 s. */
  readonly kills: number;
}

export interface StressFigures {
  /** Facts still unread when no job is left: nobody would ever look again. */
  readonly lost: number;
  readonly duplicated: number;
  readonly groupsOutOfOrder: number;
  readonly overlaps: number;
  readonly runs: number;
  readonly commits: number;
  readonly refusedCommits: number;
  readonly emptyRuns: number;
  readonly killedRuns: number;
  readonly kills: number;
  readonly seconds: number;
  /** What the workers reported, with how often. */
  readonly errors: Readonly<Record<string, number>>;
}

const PROCESSES = 4;
const MEAN_KILL_PAUSE_MS = 400;

/** Appends facts to mailboxes, waking their groups, while worker processes take them and some are killed. */
export async function wakeupStress(url: string, size: StressSize): Promise<StressFigures> {
  const directory = mkdtempSync(join(tmpdir(), "durabull-wakeups-"));
  const [mailbox, wakeups] = [await openMailbox(url), await openWakeups(url)];
  const crew = await startCrew(url, directory);
  const began = Date.now();
  try {
    const killing = killSometimes(crew, size.kills);
    await produce(mailbox, wakeups, size);
    await killing;
    await becomesIdle(wakeups);
    const seconds = (Date.now() - began) / 1_000;
    await crew.stop();
    return { ...(await countFacts(mailbox, size)), ...countRuns(crew), kills: crew.killedAt.size, seconds };
  } finally {
    await crew.stop();
    await wakeups.close();
    await mailbox.close();
    rmSync(directory, { recursive: true });
  }
}

function groupNames({ groups }: StressSize): string[] {
  return Array.from({ length: groups }, (_, index) => `group-${index}`);
}

/** All groups at once, the facts of one group in order; as fast as possible, or spread over the time of the kills. */
async function produce(mailbox: Mailbox, wakeups: Wakeups, size: StressSize): Promise<void> {
  const each = Math.ceil(size.facts / size.groups);
  const longestPauseMs = (2 * MEAN_KILL_PAUSE_MS * size.kills) / each;
  const produceGroup = async (group: string) => {
    for (let fact = 1; fact <= each; fact++) {
      await sleep(Math.random() * longestPauseMs);
      await mailbox.append(group, fact);
      await wakeups.wake(group);
    }
  };
  await Promise.all(groupNames(size).map(produceGroup));
}

async function becomesIdle(wakeups: Wakeups): Promise<void> {
  for (let calm = 0; calm < 5; ) {
    calm = (await wakeups.pending()) === 0 ? calm + 1 : 0;
    await sleep(100);
  }
}

interface Crew {
  readonly members: (WorkerProcess | undefined)[];
  readonly traceFiles: string[];
  /** By trace file. */
  readonly killedAt: Map<string, bigint>;
  start(place: number): Promise<void>;
  stop(): Promise<void>;
}

async function startCrew(url: string, directory: string): Promise<Crew> {
  const crew: Crew = {
    members: [],
    traceFiles: [],
    killedAt: new Map(),
    async start(place) {
      const traceFile = join(directory, `trace-${crew.traceFiles.length}`);
      crew.traceFiles.push(traceFile);
      crew.members[place] = await startWorkerProcess("wakeup-worker.ts", url, traceFile);
    },
    async stop() {
      const members = crew.members.splice(0);
      await Promise.all(members.map((member) => member?.stop()));
    },
  };
  await Promise.all(Array.from({ length: PROCESSES }, (_, place) => crew.start(place)));
  return crew;
}

async function killSometimes(crew: Crew, kills: number): Promise<void> {
  const starting: Promise<void>[] = [];
  while (crew.killedAt.size < kills) {
    await sleep(MEAN_KILL_PAUSE_MS * (0.5 + Math.random()));
    const place = Math.floor(Math.random() * PROCESSES);
    const victim = crew.members[place];
    if (victim === undefined) continue;
    crew.members[place] = undefined;
    crew.killedAt.set(victim.traceFile, await victim.kill());
    starting.push(crew.start(place));
  }
  await Promise.all(starting);
}

async function countFacts(mailbox: Mailbox, size: StressSize) {
  const each = Math.ceil(size.facts / size.groups);
  const counts = { lost: 0, duplicated: 0, groupsOutOfOrder: 0 };
  for (const group of groupNames(size)) {
    const log = await mailbox.log(group);
    const different = new Set(log).size;
    counts.lost += each - different;
    counts.duplicated += log.length - different;
    if (log.some((fact, index) => fact < (log[index - 1] ?? 0))) counts.groupsOutOfOrder++;
  }
  return counts;
}

function countRuns(crew: Crew) {
  const traces = crew.traceFiles.map((file) => ({ file, ...readTrace(file) }));
  const runs = traces.flatMap(({ file, runs }) => runs.map((run) => endedBy(run, crew.killedAt.get(file))));
  const withOutcome = (outcome: Run["outcome"]) => runs.filter((run) => run.outcome === outcome).length;
  return {
    overlaps: countOverlaps(runs),
    runs: runs.length,
    commits: withOutcome("committed"),
    refusedCommits: withOutcome("refused"),
    emptyRuns: withOutcome("empty"),
    killedRuns: withOutcome(null),
    errors: tally(traces.flatMap(({ errors }) => errors)),
  };
}

/** A killed run lasts no longer than its process. */
function endedBy(run: Run, killedAt: bigint | undefined): Run {
  return run.end === null && killedAt !== undefined ? { ...run, end: killedAt } : run;
}

function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
