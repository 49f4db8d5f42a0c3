import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { afterEach, describe, expect, test, vi } from "vitest";
import { startOfProcess } from "../../src/adapters/postgres/embedded/process-identity.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/adapters/postgres/embedded.ts";
import { ConfigError } from "../../src/errors.ts";
import type { Log } from "../../src/ports/executor.ts";

const OWNER = fileURLToPath(new URL("../support/embedded-postgres-owner.ts", import.meta.url));
const isRoot = process.getuid?.() === 0;

const servers: EmbeddedPostgres[] = [];
const children: ChildProcess[] = [];
const directories: string[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const server of servers.splice(0)) await server.stop();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function newDirectory(parent = tmpdir()): string {
  const directory = mkdtempSync(join(parent, "durabull-embedded-"));
  directories.push(directory);
  if (isRoot) chmodSync(directory, 0o755);
  return join(directory, "data");
}

function recordingLog() {
  const log = {
    debug: vi.fn<Log["debug"]>(),
    info: vi.fn<Log["info"]>(),
    warn: vi.fn<Log["warn"]>(),
    error: vi.fn<Log["error"]>(),
  };
  return { log, said: (level: keyof Log) => log[level].mock.calls.map(([, message]) => message).join("\n") };
}

async function start(dataDir: string, log: Log = recordingLog().log): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, log });
  servers.push(server);
  return server;
}

/** Another process that owns the server of `dataDir`. */
async function startElsewhere(
  dataDir: string,
): Promise<{ readonly url?: string; readonly error?: string; kill(): Promise<void> }> {
  const child = spawn(process.execPath, ["--import", "tsx", OWNER, dataDir], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const [line] = await once(createInterface(child.stdout), "line");
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  return { ...JSON.parse(String(line)), kill };
}

async function query(url: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

function postmasterPid(home: string): number {
  return Number(readFileSync(join(home, "data", "postmaster.pid"), "utf8").split("\n")[0]);
}

describe("embedded PostgreSQL", () => {
  test("given a directory that is not there, when it starts, then it is durable, local, UTF-8 and asks for its password", async () => {
    const dataDir = newDirectory();
    const { url } = await start(dataDir);
    const settings = ["fsync", "synchronous_commit", "listen_addresses", "server_encoding", "lc_collate"];
    const rows = await query(url, `SELECT name, setting FROM pg_settings WHERE name IN ('${settings.join("','")}')`);
    expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toMatchObject({
      fsync: "on",
      synchronous_commit: "on",
      listen_addresses: "127.0.0.1",
      server_encoding: "UTF8",
    });
    const wrong = new URL(url);
    wrong.password = "wrong";
    await expect(query(wrong.href, "SELECT 1")).rejects.toThrow(/password authentication failed/);
    expect(statSync(join(dataDir, "postgres", "password")).mode & 0o777).toBe(0o600);
  });

  test("given rows written, when it is stopped and started again, then they are there", async () => {
    const dataDir = newDirectory();
    const first = await start(dataDir);
    await query(first.url, "CREATE TABLE kept AS SELECT 42 AS answer");
    await first.stop();
    await expect(query(first.url, "SELECT 1")).rejects.toThrow();
    const second = await start(dataDir);
    expect(await query(second.url, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
  });

  test("given a running server, when its environment is read, then it holds none of ours", async () => {
    if (process.platform !== "linux")
      return console.log("not checked: the environment of a process is read from /proc");
    vi.stubEnv("SECRET_OF_OURS", "canary");
    const dataDir = newDirectory();
    await start(dataDir);
    const environment = readFileSync(`/proc/${postmasterPid(join(dataDir, "postgres"))}/environ`, "utf8");
    vi.unstubAllEnvs();
    expect(environment).toContain("LC_ALL=C");
    expect(environment).not.toContain("canary");
  });

  test("given a living owner, when another process starts on the same directory, then it is told whom to stop", async () => {
    const dataDir = newDirectory();
    await start(dataDir);
    const other = await startElsewhere(dataDir);
    expect(other.error).toMatch(new RegExp(`^ConfigError: .*${dataDir}.* process ${process.pid}, .*DURABULL_DATA_DIR`));
  });

  test("given two processes that start at once, when both ask for the directory, then one has it and the other is told", async () => {
    const dataDir = newDirectory();
    const both = await Promise.all([startElsewhere(dataDir), startElsewhere(dataDir)]);
    expect(both.filter(({ url }) => url !== undefined)).toHaveLength(1);
    expect(both.filter(({ error }) => error?.startsWith("ConfigError: "))).toHaveLength(1);
    for (const { kill } of both) await kill();
    await start(dataDir);
  });

  test("given an owner killed with SIGKILL, when another starts, then it takes over the same server", async () => {
    const dataDir = newDirectory();
    const killed = await startElsewhere(dataDir);
    await query(killed.url ?? "", "CREATE TABLE kept AS SELECT 42 AS answer");
    const pid = postmasterPid(join(dataDir, "postgres"));
    await killed.kill();
    const { log, said } = recordingLog();
    const { url, stop } = await start(dataDir, log);
    expect(url).toBe(killed.url);
    expect(postmasterPid(join(dataDir, "postgres"))).toBe(pid);
    expect(said("warn")).toContain("took over");
    expect(await query(url, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
    await stop();
    expect(startOfProcess(pid)).toBeNull();
  });

  test("given an orphaned server that does not let us in, when another starts, then it is stopped and started anew", async () => {
    const dataDir = newDirectory();
    const killed = await startElsewhere(dataDir);
    await query(killed.url ?? "", "CREATE TABLE kept AS SELECT 42 AS answer");
    const home = join(dataDir, "postgres");
    const pid = postmasterPid(home);
    await killed.kill();
    // What it says of its port is wrong, so nobody answers there.
    const lines = readFileSync(join(home, "data", "postmaster.pid"), "utf8").split("\n");
    writeFileSync(join(home, "data", "postmaster.pid"), lines.with(3, "1").join("\n"));
    const { log, said } = recordingLog();
    const { url } = await start(dataDir, log);
    expect(said("warn")).toContain("does not answer");
    expect(postmasterPid(home)).not.toBe(pid);
    expect(await query(url, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
  });

  test("given a server and owner lost with the power, when their process IDs belong to others now, then it starts", async () => {
    const dataDir = newDirectory();
    const killed = await startElsewhere(dataDir);
    await query(killed.url ?? "", "CREATE TABLE kept AS SELECT 42 AS answer");
    const home = join(dataDir, "postgres");
    const pid = postmasterPid(home);
    process.kill(pid, "SIGKILL");
    await killed.kill();
    const stranger = spawn("sleep", ["60"], isRoot ? { uid: statSync(join(home, "data")).uid } : {});
    children.push(stranger);
    const pidFile = join(home, "data", "postmaster.pid");
    const lines = readFileSync(pidFile, "utf8").split("\n");
    writeFileSync(pidFile, lines.with(0, String(stranger.pid)).join("\n"));
    writeFileSync(join(home, "owner.1"), JSON.stringify({ pid: stranger.pid, start: "another boot", released: false }));
    const { url } = await start(dataDir);
    expect(await query(url, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
    expect(stranger.exitCode).toBeNull();
  });

  test("given data of another major version, when it starts, then it refuses and says which", async () => {
    const dataDir = newDirectory();
    await (await start(dataDir)).stop();
    writeFileSync(join(dataDir, "postgres", "data", "PG_VERSION"), "9.6\n");
    await expect(start(dataDir)).rejects.toThrow(ConfigError);
    await expect(start(dataDir)).rejects.toThrow(/written by PostgreSQL 9\.6, this build brings \d+/);
  });

  test("given a server that cannot start, when it is started, then the end of its log is told and the directory is free", async () => {
    const dataDir = newDirectory();
    await (await start(dataDir)).stop();
    const configuration = join(dataDir, "postgres", "data", "postgresql.conf");
    const good = readFileSync(configuration, "utf8");
    writeFileSync(configuration, `${good}\nno_such_setting = 1\n`);
    await expect(start(dataDir)).rejects.toThrow(/did not start.*no_such_setting/s);
    writeFileSync(configuration, good);
    await start(dataDir);
  });

  test("given a process of its group interrupted, when the terminal sends Ctrl-C, then the server does not hear it", async () => {
    const dataDir = newDirectory();
    await start(dataDir);
    const pid = postmasterPid(join(dataDir, "postgres"));
    const sessions = execFileSync("ps", ["-o", "sid=", "-p", `${pid},${process.pid}`], { encoding: "utf8" });
    expect(new Set(sessions.trim().split(/\s+/)).size).toBe(2);
  });

  test("given root and a directory only root may enter, when it starts, then its data are kept outside and stay", async () => {
    if (!isRoot) return console.log("not checked: only root runs the server as another user");
    const project = mkdtempSync(join(tmpdir(), "durabull-embedded-"));
    directories.push(project);
    mkdirSync(join(project, ".durabull"));
    const dataDir = join(project, ".durabull");
    const { log, said } = recordingLog();
    const first = await start(dataDir, log);
    expect(said("info")).toContain("outside of the data directory");
    const outside = readFileSync(join(dataDir, "postgres-directory"), "utf8");
    directories.push(outside);
    await query(first.url, "CREATE TABLE kept AS SELECT 42 AS answer");
    await first.stop();
    expect(existsSync(join(outside, "data", "PG_VERSION"))).toBe(true);
    const second = await start(dataDir);
    expect(await query(second.url, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
    await second.stop();
    rmSync(outside, { recursive: true });
    await expect(start(dataDir)).rejects.toThrow(/are gone/);
  });
});
