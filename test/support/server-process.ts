import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Guardian, startGuardian } from "./guardian.ts";

const START_LIMIT_MS = 30_000;

export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Ends it in good order; its data stay for `restart` until the test process is gone. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and the same data, after ending it if it still runs. */
  restart(): Promise<void>;
}

export interface ServerCommand {
  readonly url: string;
  readonly port: number;
  readonly command: string;
  readonly args: readonly string[];
  readonly uid: number | undefined;
  readonly dir: DataDirectory;
  /** The signal on which it ends in good order. */
  readonly stopSignal: NodeJS.Signals;
  /** The signal on which it ends at once, its own children included. */
  readonly abortSignal: NodeJS.Signals;
  /** Default: 30 s. */
  readonly startLimitMs?: number;
  isReady(): Promise<boolean>;
}

export interface DataDirectory {
  readonly path: string;
  /** Ours, so removed when the test process is gone. */
  readonly temporary: boolean;
}

export function dataDirectory(given: string | undefined, prefix: string): DataDirectory {
  if (given !== undefined) return { path: given, temporary: false };
  return { path: mkdtempSync(join(tmpdir(), prefix)), temporary: true };
}

export async function startServer(command: ServerCommand): Promise<TestServer> {
  const { path, temporary } = command.dir;
  const guardian = startGuardian(command.abortSignal, temporary ? path : undefined);
  let child = await launch(command, guardian);
  const end = (signal: NodeJS.Signals) => exited(child, () => child.kill(signal));
  return {
    url: command.url,
    port: command.port,
    get pid() {
      return child.pid ?? 0;
    },
    stop: () => end(command.stopSignal),
    kill: () => end("SIGKILL"),
    async restart() {
      await end(command.stopSignal);
      child = await launch(command, guardian);
    },
  };
}

/** Tries again while a server just killed still holds the port or the shared memory. */
async function launch(command: ServerCommand, guardian: Guardian): Promise<ChildProcess> {
  const deadline = Date.now() + (command.startLimitMs ?? START_LIMIT_MS);
  const logFile = join(command.dir.path, "server.log");
  for (;;) {
    const child = spawnServer(command, logFile, guardian);
    if (await becomesReady(child, command, deadline)) return child;
    if (Date.now() > deadline) {
      await exited(child, () => child.kill("SIGKILL"));
      throw new Error(`${command.command} did not start:\n${readFileSync(logFile, "utf8").slice(-2_000)}`);
    }
    await sleep(200);
  }
}

async function becomesReady(child: ChildProcess, command: ServerCommand, deadline: number): Promise<boolean> {
  while (!hasExited(child) && Date.now() < deadline) {
    if ((await command.isReady()) && !hasExited(child)) return true;
    await sleep(25);
  }
  return false;
}

function spawnServer({ command, args, uid }: ServerCommand, logFile: string, guardian: Guardian): ChildProcess {
  const log = openSync(logFile, "a");
  const who = uid === undefined ? {} : { uid, gid: uid };
  const child = spawn(command, args, { stdio: ["ignore", log, log], cwd: "/", ...who });
  closeSync(log);
  child.unref();
  child.once("error", () => undefined);
  guardian.watch(child.pid);
  child.once("exit", () => guardian.watch(undefined));
  return child;
}

function hasExited(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

function exited(child: ChildProcess, end: () => void): Promise<void> {
  if (hasExited(child)) return Promise.resolve();
  return new Promise((resolve) => {
    child.ref();
    child.once("exit", () => resolve());
    end();
  });
}
