import { spawn } from "node:child_process";
import { closeSync, fstatSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { ConfigError } from "../../../errors.ts";
import type { Log } from "../../../ports/executor.ts";
import type { PostgresBinaries } from "./binaries.ts";
import { type Cluster, serverEnvironment } from "./cluster.ts";
import type { Place } from "./place.ts";
import { isServerOf, startOfProcess } from "./process-identity.ts";

export interface RunningServer {
  readonly pid: number;
  readonly port: number;
}

const POLL_MS = 50;
/** Recovery after a power loss reads the write-ahead log first. */
const START_LIMIT_MS = 180_000;
const START_ATTEMPTS = 5;
const STOP_STEPS: readonly { readonly signal: NodeJS.Signals; readonly waitMs: number }[] = [
  { signal: "SIGINT", waitMs: 60_000 },
  { signal: "SIGQUIT", waitMs: 10_000 },
  { signal: "SIGKILL", waitMs: 10_000 },
];
const LOG_LIMIT_BYTES = 10_000_000;

export function serverUrl({ password }: Cluster, port: number): string {
  return `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`;
}

/** The server that runs on the cluster, though nobody who lives started it; `null`: none does. */
export function findServer({ data }: Cluster): RunningServer | null {
  const lines = readLines(join(data, "postmaster.pid"));
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  return pid > 0 && isServerOf(pid, data) ? { pid, port } : null;
}

export async function isHealthy(cluster: Cluster, { port }: RunningServer): Promise<boolean> {
  return port > 0 && (await dataDirectoryOf(serverUrl(cluster, port))) === cluster.data;
}

/** @throws {ConfigError} with the end of the server's log when it does not start. */
export async function startServer(
  { home, uid }: Place,
  cluster: Cluster,
  binaries: PostgresBinaries,
  log: Log,
): Promise<RunningServer> {
  forgetRecycledPid(cluster);
  const logFile = join(home, "server.log");
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const logFd = openLog(logFile);
    const { size: logStart } = fstatSync(logFd);
    const child = spawn(binaries.postgres, serverArguments(cluster.data, port), {
      // A session of its own: Ctrl-C on a terminal must not reach it before our drain is over.
      detached: true,
      stdio: ["ignore", logFd, logFd],
      cwd: "/",
      env: serverEnvironment(),
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    closeSync(logFd);
    child.unref();
    const failed = new Promise<Error | null>((resolve) => {
      child.once("error", resolve);
      child.once("exit", () => resolve(null));
    });
    const { pid } = child;
    if (pid !== undefined && (await becomesReady({ pid, port }, cluster, log))) return { pid, port };
    if (pid !== undefined) await stopServer(pid);
    const cause = await failed;
    const said = readFileSync(logFile, "utf8").slice(logStart);
    // Another program took the port, or the last backend of a killed server has not noticed yet.
    const mayPass = /already in use|still in use/.test(said);
    if (!mayPass || attempt === START_ATTEMPTS) throw new ConfigError(notStarted(logFile, said, cause));
    await sleep(500);
  }
}

/** Ends a server in good order: open transactions are rolled back, what was committed is written. Resolves once it is gone. */
export async function stopServer(pid: number): Promise<void> {
  const start = startOfProcess(pid);
  const isGone = () => start === null || startOfProcess(pid) !== start;
  for (const { signal, waitMs } of STOP_STEPS) {
    if (isGone()) return;
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    for (const deadline = Date.now() + waitMs; !isGone() && Date.now() < deadline; ) await sleep(POLL_MS);
  }
}

function serverArguments(data: string, port: number): string[] {
  const settings = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    max_connections: 200,
    shared_buffers: "64MB",
    dynamic_shared_memory_type: "posix",
    // A container's /dev/shm is small.
    max_parallel_workers_per_gather: 0,
    jit: "off",
    fsync: "on",
    synchronous_commit: "on",
    full_page_writes: "on",
    // Not "minimal": after a crash the queues' sequences would begin again, and new jobs be taken for old ones.
    wal_level: "replica",
    max_wal_senders: 0,
    max_wal_size: "512MB",
    log_timezone: "UTC",
    timezone: "UTC",
  };
  return ["-D", data, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
}

async function becomesReady(server: RunningServer, cluster: Cluster, log: Log): Promise<boolean> {
  const start = startOfProcess(server.pid);
  const began = Date.now();
  let told = false;
  while (start !== null && startOfProcess(server.pid) === start && Date.now() - began < START_LIMIT_MS) {
    if (saysReady(server, cluster) && (await isHealthy(cluster, server))) return true;
    if (!told && Date.now() - began > 5_000) {
      log.info({ directory: cluster.data }, "the embedded PostgreSQL is still starting: it recovers from a crash");
      told = true;
    }
    await sleep(POLL_MS);
  }
  return false;
}

function saysReady({ pid }: RunningServer, { data }: Cluster): boolean {
  const lines = readLines(join(data, "postmaster.pid"));
  return Number(lines[0]) === pid && lines[7]?.trim() === "ready";
}

/**
 * A server lost with the power leaves its process ID, which may be another program's by now; PostgreSQL would then refuse to
 * start. It is replaced by one that no process has; the rest stays, for PostgreSQL's own look at what the dead server left.
 */
function forgetRecycledPid(cluster: Cluster): void {
  const file = join(cluster.data, "postmaster.pid");
  const lines = readLines(file);
  const pid = Number(lines[0]);
  if (lines.length === 0 || (pid > 0 && startOfProcess(pid) === null)) return;
  writeFileSync(file, ["999999999", ...lines.slice(1)].join("\n"));
}

function readLines(file: string): readonly string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}

function openLog(file: string): number {
  try {
    if (statSync(file).size > LOG_LIMIT_BYTES) renameSync(file, `${file}.1`);
  } catch {
    // There is none yet.
  }
  return openSync(file, "a", 0o600);
}

function notStarted(logFile: string, said: string, cause: Error | null): string {
  const lines = said.trim().split("\n").slice(-20).join("\n");
  return `The embedded PostgreSQL did not start${cause ? ` (${cause.message})` : ""}. The end of ${logFile}:\n${lines}`;
}

async function dataDirectoryOf(connectionString: string): Promise<string | null> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 5_000, query_timeout: 5_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ readonly data_directory: string }>("SHOW data_directory");
    return rows[0]?.data_directory ?? null;
  } catch {
    return null;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
