/**
 * Seven workloads through the public HTTP API of the whole service in one process of its own, the client in another, with raw BullMQ on the
 * same store in the same run as the reference. bench/README.md says what each is and what came out.
 *
 *   npm run bench -- w1 … w7        some or all of them
 *
 * STORES=always,everysec,postgres, REPS, N1 N2 N4 N5 N6 N7 AHEAD7, REF_JOBS, QUIET (seconds to wait for an idle machine), PROFILE=1 (of the service).
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freshDatabase, startPostgres, startRedis } from "../test/support/servers.ts";
import { table } from "./support.ts";
import { profileReport } from "./workloads/cpu-profile.ts";
import { quiet } from "./workloads/meter.ts";
import { type Raw, rawBullmq } from "./workloads/raw.ts";
import { type Row, run, WORKLOADS, type WorkloadName } from "./workloads/runs.ts";
import { startBenchService } from "./workloads/service.ts";

const STORES = {
  always: async () => redis("always"),
  everysec: async () => redis("everysec"),
  postgres: async () => {
    const server = await startPostgres();
    const url = await freshDatabase(server);
    return { ...server, env: { DATABASE_URL: url }, rawUrl: await freshDatabase(server), pid: server.pid };
  },
};

async function redis(appendfsync: "always" | "everysec") {
  const server = await startRedis({ appendfsync });
  return { ...server, env: { REDIS_URL: server.url }, rawUrl: server.url, pid: server.pid };
}

const isStore = (name: string): name is keyof typeof STORES => name in STORES;
const isWorkload = (name: string): name is WorkloadName => name in WORKLOADS;
const asked = process.argv.slice(2).filter(isWorkload);
const workloads = asked.length > 0 ? asked : (Object.keys(WORKLOADS) as WorkloadName[]);
const stores = (process.env.STORES ?? "always,everysec,postgres").split(",").filter(isStore);
const repeats = Number(process.env.REPS ?? 1);
const WARM_UP = 20;

// Whoever stops it stops the service too.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

// What is measured is what is deployed.
execFileSync(process.execPath, [fileURLToPath(new URL("../scripts/build.mjs", import.meta.url))], { stdio: "inherit" });

for (const name of stores) {
  const store = await STORES[name]();
  const directory = process.env.PROFILE === undefined ? undefined : mkdtempSync(join(tmpdir(), "durabull-profile-"));
  const service = await startBenchService(store.env, directory);
  const rows: (Row & { readonly raw: Raw })[] = [];
  try {
    for (let i = 0; i < WARM_UP; i++) await run({ service }, "seq", { n: 10 });
    for (const workload of workloads) {
      for (let repeat = 0; repeat < repeats; repeat++) {
        await quiet(Number(process.env.QUIET ?? 0));
        const raw = await rawBullmq(store.rawUrl, store.pid);
        rows.push(...(await WORKLOADS[workload]({ service, store: store.pid, raw })).map((row) => ({ ...row, raw })));
      }
    }
  } finally {
    await service.stop();
    await store.stop();
  }
  console.log(`\n${name}\n`);
  console.log(
    table(
      [
        "workload",
        "value",
        "against raw BullMQ",
        "CPU ms per step (service / store / client)",
        "foreign cores",
        "raw: jobs/s, CPU ms per job, hop ms",
      ],
      rows.map(({ what, value, ratio, cpu, foreignCores, raw }) => [
        what,
        value,
        ratio,
        cpu,
        foreignCores.toFixed(2),
        `${raw.jobsPerSecond.toFixed(0)}, ${raw.cpuMsPerJob.toFixed(2)}, ${raw.hopMs.toFixed(2)}`,
      ]),
    ),
  );
  if (directory !== undefined) console.log(`\n${profileReport(directory)}`);
}
process.exit(0);
