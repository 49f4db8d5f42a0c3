import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { DurabullClient } from "../../src/client/index.ts";
import { freePort } from "../../test/support/free-port.ts";
import { DEFINITIONS } from "./definitions.ts";

const MAIN = fileURLToPath(new URL("../../dist/src/main.js", import.meta.url));
const FUNCTIONS = fileURLToPath(new URL("./functions.mjs", import.meta.url));
const START_LIMIT_MS = 30_000;

/** The whole service as one process of its own, from the build in dist/, and a client of it. */
export interface BenchService {
  readonly client: DurabullClient;
  readonly pid: number;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again; resolves when it answers. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts it with the functions of the workloads.
 * @param env the store, and settings to try.
 * @param profileTo a directory for the CPU profile that it writes when it is stopped.
 */
export async function startBenchService(
  env: Readonly<Record<string, string>>,
  profileTo?: string,
): Promise<BenchService> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const client = new DurabullClient({ url });
  const settings = { PORT: String(port), HEALTH_PORT: "0", METRICS_PORT: "0", EXAMPLES: "off", LOG_LEVEL: "warn" };
  const profiling = profileTo === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileTo}`];

  async function launch(): Promise<ChildProcess> {
    const child = spawn(process.execPath, [...profiling, MAIN], {
      env: { ...process.env, FUNCTIONS, ...settings, ...env },
      stdio: ["ignore", "inherit", "inherit"],
    });
    process.once("exit", () => child.kill("SIGKILL"));
    const deadline = Date.now() + START_LIMIT_MS;
    while (!(await answers(url))) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error("the service did not start");
      await sleep(10);
    }
    return child;
  }

  let child = await launch();
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  };
  for (const definition of DEFINITIONS) await client.registerDefinition(definition);
  return {
    client,
    get pid() {
      return child.pid ?? 0;
    },
    kill: () => end("SIGKILL"),
    async restart() {
      child = await launch();
    },
    stop: () => end("SIGTERM"),
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/api/v1/definitions?limit=1`)).ok;
  } catch {
    return false;
  }
}
