import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { table } from "../support.ts";

/** As `node --cpu-prof` writes it; times in microseconds. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const NOT_WORK = new Set(["(idle)", "(program)", "(root)"]);

function workOf({ nodes, samples, timeDeltas }: CpuProfile): number {
  const resting = new Set(nodes.filter(({ callFrame }) => NOT_WORK.has(callFrame.functionName)).map(({ id }) => id));
  return samples.reduce((sum, id, i) => (resting.has(id) ? sum : sum + Math.max(0, timeDeltas[i] ?? 0)), 0);
}

/** The dearest packages, rooms and functions of a run, by self time: shares of the time the process was not idle. */
export function profileReport(directory: string): string {
  const files = readdirSync(directory).filter((name) => name.endsWith(".cpuprofile"));
  const profiles = files.map((name) => JSON.parse(readFileSync(join(directory, name), "utf8")) as CpuProfile);
  // One file a thread: the main one has worked most.
  const [largest] = profiles.sort((a, b) => workOf(b) - workOf(a));
  if (largest === undefined) return `no profile in ${directory}`;
  const frames = new Map(largest.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const byPlace = new Map<string, number>();
  const byFunction = new Map<string, number>();
  let total = 0;
  largest.samples.forEach((id, i) => {
    const frame = frames.get(id);
    if (frame === undefined || NOT_WORK.has(frame.functionName)) return;
    const micros = Math.max(0, largest.timeDeltas[i] ?? 0);
    total += micros;
    const place = frame.functionName === "(garbage collector)" ? "garbage collection" : placeOf(frame.url);
    add(byPlace, place, micros);
    add(byFunction, `${frame.functionName || "(anonymous)"} ${shortUrl(frame.url)}:${frame.lineNumber + 1}`, micros);
  });
  const shares = (map: ReadonlyMap<string, number>, most: number) =>
    [...map]
      .sort(([, a], [, b]) => b - a)
      .slice(0, most)
      .map(([name, micros]) => [name, `${((micros / total) * 100).toFixed(1)} %`]);
  return [
    `${(total / 1e6).toFixed(1)} s not idle; written to ${directory}`,
    table(["package or room", "self time"], shares(byPlace, 25)),
    table(["function", "self time"], shares(byFunction, 40)),
  ].join("\n\n");
}

function add(map: Map<string, number>, key: string, micros: number): void {
  map.set(key, (map.get(key) ?? 0) + micros);
}

function placeOf(url: string): string {
  if (url.startsWith("node:")) return url;
  const path = shortUrl(url);
  const [, name] = /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path) ?? [];
  return name ?? (/^src\/[^/]+(\/[^/]+)?(?=\/)/.exec(path)?.[0] || path || "native");
}

function shortUrl(url: string): string {
  const path = url.replace(/^file:\/\//, "").replace(/\?.*$/, "");
  const at = Math.max(path.lastIndexOf("/node_modules/"), path.lastIndexOf("/src/"));
  return path.startsWith("node:") || at < 0 ? path : path.slice(at + 1);
}
