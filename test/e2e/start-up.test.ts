import { rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freshDirectory, refusedService } from "../support/service-process.ts";

let taken: number;
const directory = freshDirectory();
const holder = createServer();
beforeAll(async () => {
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  taken = (holder.address() as AddressInfo).port;
});
afterAll(() => {
  holder.close();
  rmSync(directory, { recursive: true, force: true });
});

test("given several wrong settings, when it starts, then it exits with 78 and names each with its value and form", async () => {
  const { code, stderr } = await refusedService({
    env: {
      PORT: "eighty",
      REDIS_URL: "http://127.0.0.1",
      WORKER_CONCURRENCY: "0",
      DURABULL_FAILPOINT: "nowhere:kill:1",
    },
  });
  expect(code).toBe(78);
  expect(stderr).toMatch(/PORT=eighty: must be /);
  expect(stderr).toMatch(/REDIS_URL=.*: must be /);
  expect(stderr).toMatch(/WORKER_CONCURRENCY=0: must be /);
  expect(stderr).toMatch(/DURABULL_FAILPOINT=nowhere:kill:1: must be /);
  expect(stderr).not.toContain("    at ");
});

test("given settings that only the machine can judge beside other wrong ones, when it starts, then all are named at once", async () => {
  const { code, stderr } = await refusedService({
    env: {
      WORKER_CONCURRENCY: "0",
      FUNCTIONS: "./nowhere.ts",
      SECRETS_DIR: "./no-such-directory",
      PORT: String(taken),
      DURABULL_DATA_DIR: directory,
    },
  });
  expect(code).toBe(78);
  expect(stderr.trim().split("\n").slice(1)).toEqual([
    expect.stringContaining("WORKER_CONCURRENCY=0: must be "),
    expect.stringContaining("FUNCTIONS=./nowhere.ts: does not exist"),
    expect.stringContaining("SECRETS_DIR=./no-such-directory: does not exist"),
    expect.stringContaining(`PORT=${taken}: another process listens there`),
  ]);
});

test("given a technology that is not supported, when it starts, then it exits with 78 and lists what is", async () => {
  const { code, stderr } = await refusedService({ env: { QUEUE_TYPE: "kafka" } });
  expect(code).toBe(78);
  expect(stderr).toMatch(/QUEUE_TYPE=kafka/);
  for (const supported of ["redis", "postgres", "embedded"]) expect(stderr).toContain(supported);
});

test.each([
  ["REDIS_URL", "redis://:hidden@127.0.0.1:1"],
  ["DATABASE_URL", "postgres://u:hidden@127.0.0.1:1/d"],
])(
  "given a %s where nothing answers, when it starts, then it exits with 69 and one line that says where it looked",
  async (setting, url) => {
    const { code, stderr } = await refusedService({ env: { [setting]: url } });
    expect(code).toBe(69);
    expect(stderr).toContain(setting);
    expect(stderr).toContain("127.0.0.1:1");
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).not.toContain("hidden");
  },
);

test("given a FUNCTIONS module that is not there, when it starts, then it exits with 78 and names it", async () => {
  const { code, stderr } = await refusedService({
    env: { FUNCTIONS: "./nowhere.ts", DURABULL_DATA_DIR: directory },
  });
  expect(code).toBe(78);
  expect(stderr).toContain("FUNCTIONS=./nowhere.ts");
});

test.each(["PORT", "HEALTH_PORT", "METRICS_PORT"])(
  "given a %s that another process listens on, when it starts, then it exits with 78 and names the setting",
  async (setting) => {
    const { code, stderr } = await refusedService({
      env: { [setting]: String(taken), DURABULL_DATA_DIR: directory },
    });
    expect(code).toBe(78);
    expect(stderr).toContain(`${setting}=${taken}: another process listens there`);
  },
);
