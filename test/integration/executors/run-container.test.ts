import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { ProcessExecutor } from "../../../src/executors/process/runner.ts";
import { createContainerExecutor } from "../../../src/executors/run-container.ts";
import type { JsonObject } from "../../../src/values/json.ts";
import { activityContext } from "../../support/activity.ts";

const directory = mkdtempSync(join(tmpdir(), "durabull-test-container-"));
const log = join(directory, "calls");
const path = process.env.PATH ?? "";
const LIMITS = { timeoutMs: 60_000, memoryBytes: 268_435_456, outputBytes: 100_000 };
const NAME = expect.stringMatching(/^durabull-[0-9a-f]{24}$/);

/** Stands for an engine's command line: writes down what it is asked, one JSON list a line, then does as `run` says. */
function engine(name: "docker" | "podman", run = '/bin/cat; echo "env $SHOWN" >&2'): void {
  const script = `#!${process.execPath}
const { appendFileSync } = require("node:fs");
const args = process.argv.slice(2);
appendFileSync(${JSON.stringify(log)}, JSON.stringify([${JSON.stringify(name)}, ...args]) + "\\n");
if (args[0] === "ps") console.log("old-one " + 1 + "\\nyoung-one " + (Date.now() + 1e6));
if (args[0] === "run") {
  const { status, signal } = require("node:child_process").spawnSync("/bin/sh", ["-c", ${JSON.stringify(run)}], { stdio: "inherit" });
  process.exit(signal === null ? status : 137);
}
`;
  writeFileSync(join(directory, name), script);
  chmodSync(join(directory, name), 0o755);
}

const calls = () =>
  readFileSync(log, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as string[]);

const execute: ProcessExecutor = createContainerExecutor({ allowed: ["container"], limits: LIMITS });
const BASE = {
  image: "alpine:3",
  arguments: [],
  environment: {},
  ports: [],
  volumes: [],
  pull: "ifNotPresent",
  cleanup: "never",
  return: "stdout",
  await: true,
};
const container = (given: JsonObject = {}, context = activityContext()) =>
  execute({ with: { ...BASE, ...given } }, context);

beforeEach(() => {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  writeFileSync(log, "");
  process.env.PATH = directory;
});
afterAll(async () => {
  process.env.PATH = path;
  await execute.close();
  rmSync(directory, { recursive: true, force: true });
});

describe("given an engine on the PATH", () => {
  test("when a container is run, then the engine is told what the definition says", async () => {
    engine("docker");
    const given = {
      command: 'echo "$1"',
      arguments: ["Foo", "Bar"],
      stdin: "hello",
      ports: ["8080:80"],
      volumes: ["data:/data"],
      pull: "always",
      name: "mine",
      cleanup: "always",
    };
    expect(await container(given)).toEqual({ ok: true, output: "hello" });
    expect(calls().filter(([, verb]) => verb === "run")).toEqual([
      [
        ...["docker", "run", "--rm", "--interactive", "--name", "mine", "--pull", "always", "--memory", "268435456"],
        ...["--publish", "8080:80", "--volume", "data:/data"],
        ...["--entrypoint", "sh", "alpine:3", "-c", 'echo "$1"', "sh", "Foo", "Bar"],
      ],
    ]);
  });

  test("when it has a secret in its environment, then that is on no command line", async () => {
    engine("docker");
    const outcome = await container({ environment: { SHOWN: "hunter2hunter2", PATH: "/bin" }, return: "stderr" });
    expect(outcome).toEqual({ ok: true, output: "env hunter2hunter2" });
    const [run] = calls().filter(([, verb]) => verb === "run");
    expect(run).toEqual([
      ...["docker", "run", "--name", NAME, "--pull", "missing", "--memory", "268435456"],
      ...["--env", "SHOWN", "--env", "PATH=/bin", "alpine:3"],
    ]);
  });

  test("when there is only podman, then that is asked", async () => {
    engine("podman");
    expect(await container()).toMatchObject({ ok: true });
    expect(calls().at(-1)?.slice(0, 2)).toEqual(["podman", "run"]);
  });

  test("when containers have outlived their lifetime, then they are removed before the next one runs", async () => {
    engine("docker");
    await container({ cleanup: "eventually", removeAfterMs: 60_000 });
    const asked = calls().map(([, ...args]) => args);
    expect(asked.filter(([verb]) => verb === "rm")).toEqual([
      ["rm", "--force", "old-one"],
      ["rm", "--force", NAME],
    ]);
    expect(asked.at(-1)).toContainEqual(expect.stringMatching(/^io\.durabull\.remove-at=\d+$/));
  });

  test("when the activity is cancelled, then the container is killed, and removed if it was to be", async () => {
    engine("docker", "exec /bin/sleep 1000");
    const controller = new AbortController();
    const running = container({ cleanup: "always" }, activityContext({ signal: controller.signal }));
    while (!calls().some(([, verb]) => verb === "run")) await sleep(10);
    controller.abort(new Error("no longer owed"));
    await expect(running).rejects.toThrow("no longer owed");
    expect(calls().slice(-2)).toEqual([
      ["docker", "kill", NAME],
      ["docker", "rm", "--force", NAME],
    ]);
  });

  test("when the engine refuses, then that is runtime 500, also where the code was asked for", async () => {
    engine("docker", "echo 'docker: no such image' >&2; exit 125");
    for (const returned of ["stdout", "code"]) {
      expect(await container({ return: returned })).toMatchObject({
        ok: false,
        error: { status: 500, detail: "the container could not be run: docker: no such image" },
      });
    }
    engine("docker", "exit 3");
    expect(await container({ return: "code" })).toEqual({ ok: true, output: 3 });
  });
});

test("given no engine, when a container is run, then it is a configuration error that says so", async () => {
  expect(await container()).toMatchObject({
    ok: false,
    error: {
      type: "https://serverlessworkflow.io/spec/1.0.0/errors/configuration",
      detail: "run container: there is neither docker nor podman on the PATH of this task worker",
    },
  });
});
