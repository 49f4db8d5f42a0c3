import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const START_WITHIN_MS = 60_000;

export interface LogLine {
  readonly msg: string;
  readonly level: number;
  readonly [field: string]: unknown;
}

/** A real process of the service, on free loopback ports. */
export interface ServiceProcess {
  readonly pid: number;
  /** `http://127.0.0.1:<port>`; "" without the API. */
  readonly url: string;
  readonly healthUrl: string;
  readonly metricsUrl: string;
  /** Its log so far. */
  readonly log: readonly LogLine[];
  /** What it wrote to standard error so far. */
  stderr(): string;
  readonly exited: Promise<number | null>;
  /** SIGKILL, and waits. */
  kill(): Promise<void>;
  /** SIGTERM, and waits for its exit code. */
  stop(): Promise<number | null>;
}

export interface ServiceOptions {
  /** Entry point relative to the root, and its arguments. One in `dist/` is run as it is, by plain Node. */
  readonly entry?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** How a process ended that was not meant to start. */
export interface Ending {
  readonly code: number | null;
  readonly stderr: string;
}

const living = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});

function launch(options: ServiceOptions): ChildProcess {
  const [entry = "src/main.ts", ...args] = options.entry ?? [];
  const { PATH = "", HOME = "" } = process.env;
  const loader = entry.startsWith("dist/") ? [] : ["--import", "tsx"];
  const child = spawn(process.execPath, [...loader, join(ROOT, entry), ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH,
      HOME,
      PORT: "0",
      HEALTH_PORT: "0",
      METRICS_PORT: "0",
      EXAMPLES: "off",
      LOG_LEVEL: "info",
      ALLOW_PRIVATE_NETWORK: "true",
      ...options.env,
    },
  });
  living.add(child);
  child.once("exit", () => living.delete(child));
  return child;
}

/** Starts a process that must refuse to run, and waits until it ends; one that starts all the same is killed. */
export async function refusedService(options: ServiceOptions = {}): Promise<Ending> {
  const child = launch(options);
  const ended = once(child, "exit");
  let stderr = "";
  child.stderr?.on("data", (text) => {
    stderr += String(text);
  });
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
    if (lineOf(line).msg === "started") child.kill("SIGKILL");
  });
  const [code] = (await ended) as [number | null];
  return { code, stderr };
}

/** Starts `src/main.ts` (all roles) or another entry point, and waits until it listens. @throws {Error} with its output when it ends instead. */
export async function startService(options: ServiceOptions = {}): Promise<ServiceProcess> {
  const entry = options.entry?.[0] ?? "src/main.ts";
  const child = launch(options);
  const log: LogLine[] = [];
  let stderr = "";
  child.stderr?.on("data", (text) => {
    stderr += String(text);
  });
  const exited = once(child, "exit").then(([code]) => code as number | null);
  const started = new Promise<LogLine>((resolve, reject) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      const parsed = lineOf(line);
      log.push(parsed);
      if (parsed.msg === "started") resolve(parsed);
    });
    exited.then((code) => reject(new Error(`${entry} ended with ${code}\n${stderr}\n${tail(log)}`)));
    setTimeout(() => reject(new Error(`${entry} did not start\n${stderr}\n${tail(log)}`)), START_WITHIN_MS).unref();
  });
  const line = await started;
  return {
    pid: child.pid ?? 0,
    url: String(line.api ?? ""),
    healthUrl: String(line.health),
    metricsUrl: String(line.metrics),
    log,
    stderr: () => stderr,
    exited,
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    async stop() {
      child.kill("SIGTERM");
      return exited;
    },
  };
}

function lineOf(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: 30, msg: line };
  }
}

function tail(log: readonly LogLine[]): string {
  return log
    .slice(-30)
    .map((line) => JSON.stringify(line))
    .join("\n");
}

/** An empty directory for an embedded store; whoever asks for it removes it. */
export function freshDirectory(): string {
  return mkdtempSync(join(tmpdir(), "durabull-test-"));
}
