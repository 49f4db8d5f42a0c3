import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DurabullClient } from "../../src/client/index.ts";
import { eventually } from "../support/api.ts";
import { startRedis, type TestServer } from "../support/servers.ts";
import { type ServiceProcess, startService } from "../support/service-process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const head = (name: string) => `document: { dsl: 1.0.3, namespace: cli, name: ${name}, version: 1.0.0 }\n`;
const HELLO = `${head("hello")}# as its author wrote it\ndo:\n  - greet: { set: { text: "\${ \\"Hello \\\\(.name)\\" }" } }\n`;
const BROKEN = `${head("broken")}do:\n  - boom: { raise: { error: { type: "https://example.com/e", status: 409, title: Boom, detail: no stock } } }\n`;
const LONG = `${head("long")}do:\n  - rest: { wait: { minutes: 10 } }\n`;

const directory = mkdtempSync(join(tmpdir(), "durabull-cli-process-"));
const file = (name: string, text: string) => {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
};
let server: TestServer;
let service: ServiceProcess;
let client: DurabullClient;
beforeAll(async () => {
  server = await startRedis();
  service = await startService({ env: { REDIS_URL: server.url } });
  client = new DurabullClient({ url: service.url });
});
afterAll(async () => {
  expect(await service.stop()).toBe(0);
  await server.stop();
  rmSync(directory, { recursive: true });
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
/** A real process of the CLI; its address comes from the environment unless it is given. */
function cli(...args: readonly string[]): Promise<Ended> & { readonly out: () => string; stop(): void } {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(process.execPath, ["--import", "tsx", join(ROOT, "src/cli/main.ts"), ...args], {
    cwd: ROOT,
    env: { PATH, HOME, DURABULL_URL: service.url },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk) => {
      written[name] += String(chunk);
    });
  }
  const ended = new Promise<Ended>((resolve) => child.once("close", (code) => resolve({ code, ...written })));
  return Object.assign(ended, { out: () => written.stdout, stop: () => void child.kill("SIGINT") });
}
const json = async (...args: readonly string[]) => {
  const { code, stdout, stderr } = await cli(...args, "--json");
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout);
};

test("given definitions in files, when they are put, listed, shown, validated and deleted, then each command does it", async () => {
  const [hello, broken] = [file("hello.yaml", HELLO), file("broken.yaml", BROKEN)];
  const put = await cli("definitions", "put", hello, broken);
  expect(put).toEqual({ code: 0, stderr: "", stdout: "cli/hello/1.0.0 registered\ncli/broken/1.0.0 registered\n" });
  const wrong = file("wrong.yaml", HELLO.replace("set:", "sett:"));
  const [again, list, listed, shown, asJson, refused, valid, invalid] = await Promise.all([
    cli("definitions", "put", hello),
    cli("definitions", "list", "--namespace", "cli"),
    json("definitions", "list", "--name", "hello"),
    cli("definitions", "show", "cli/hello"),
    json("definitions", "show", "cli/hello/1.0.0"),
    cli("definitions", "put", wrong),
    cli("definitions", "validate", hello, "--url", service.url),
    cli("definitions", "validate", hello, wrong),
  ]);
  expect(again.stdout).toBe("cli/hello/1.0.0 was registered already\n");
  expect(list.stdout).toMatch(/^DEFINITION +REGISTERED \(UTC\) +TITLE\ncli\/broken\/1\.0\.0 .*\ncli\/hello\/1\.0\.0 /);
  expect(listed).toMatchObject([{ namespace: "cli", name: "hello" }]);
  expect(shown.stdout).toBe(HELLO);
  expect(asJson).toMatchObject({ digest: expect.any(String), document: { document: { name: "hello" } } });
  expect([refused.code, refused.stdout]).toEqual([5, ""]);
  expect(refused.stderr).toMatch(new RegExp(`^${wrong}:\\d+: /do/0/greet`, "m"));
  expect(valid.code).toBe(0);
  expect(invalid.code).toBe(1);
  expect(invalid.stdout).toMatch(new RegExp(`^${wrong}:\\d+: /do/0/greet`, "m"));
  const gone = file("gone.yaml", HELLO.replace("name: hello", "name: gone"));
  expect((await cli("definitions", "put", gone)).code).toBe(0);
  expect(await cli("definitions", "delete", "cli/gone/1.0.0")).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(await cli("definitions", "show", "cli/gone")).toMatchObject({ code: 5, stdout: "" });
});

describe("executions", () => {
  beforeAll(async () => {
    for (const source of [HELLO, BROKEN, LONG]) await client.registerDefinition(source);
  });

  test("given a definition, when it is started and looked at, then list, show, history and time travel tell of it", async () => {
    const args = ["--workflow-id", "cli-1", "--label", "team=x", "--label", "stage=test", "--idempotency-key", "k1"];
    const start = () => cli("executions", "start", "cli/hello", "--input", '{"name":"Ada"}', ...args);
    const { code, stdout } = await start();
    expect(code).toBe(0);
    const id = stdout.trim();
    await client.ended(id);
    const [again, list, listed, shown, history, events, past] = await Promise.all([
      start(),
      cli("executions", "list", "--label", "team=x", "--status", "completed,failed"),
      json("executions", "list", "--workflow-id", "cli-1", "--limit", "1"),
      cli("executions", "show", id),
      cli("executions", "history", id),
      json("executions", "history", id, "--after", "2"),
      json("executions", "show", id, "--at", "2"),
    ]);
    expect(again.stdout).toBe(stdout);
    expect(list.stdout).toMatch(
      new RegExp(`^EXECUTION .*WORKFLOW ID\n${id} +COMPLETED +cli/hello/1\\.0\\.0 .* cli-1\n$`),
    );
    expect(listed).toMatchObject([{ executionId: id, labels: { team: "x", stage: "test" } }]);
    expect(shown.stdout).toMatch(/^output +\{"text":"Hello Ada"\}$/m);
    expect(history.stdout).toMatch(
      /^EVENT +TIME +TYPE +TASK\n1 .* execution\.started\n2 .* task\.started +\/do\/0\/greet\n/,
    );
    expect(events[0]).toMatchObject({ sequence: 3 });
    expect(past).toMatchObject({ at: 2, status: "RUNNING", tasks: [{ name: "greet" }] });
  });

  test("given an execution under way, when it is watched and another process cancels it, then the watch ends with 3", async () => {
    const id = (await client.start({ definition: { namespace: "cli", name: "long" } })).executionId;
    const watching = cli("executions", "watch", id);
    const asJson = cli("executions", "watch", id, "--json");
    await eventually(asJson.out, (text) => text.includes("io.flunq.timer.scheduled"));
    const paused = await cli("executions", "pause", id, "--reason", "lunch");
    expect(paused.stdout).toMatch(/^EXECUTION +STATUS\n/);
    expect((await cli("executions", "resume", id)).code).toBe(0);
    expect((await cli("executions", "cancel", id)).code).toBe(0);
    const [ended, lines] = await Promise.all([watching, asJson]);
    expect(ended.code).toBe(3);
    expect(ended.stderr).toMatch(/rest started\n(.*\n)?cancelled\n$/s);
    expect(lines.code).toBe(3);
    const types = lines.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).type);
    expect(types[0]).toBe("io.flunq.execution.started");
    expect(types.at(-1)).toBe("io.flunq.execution.cancelled");
    expect(await cli("executions", "cancel", id)).toMatchObject({ code: 5 });
  });

  test("given start --watch, when it completes or fails, then output and code are those of run", async () => {
    const [ok, failed] = await Promise.all([
      cli("executions", "start", "cli/hello/1.0.0", "--input", '{"name":"Bo"}', "--watch"),
      cli("executions", "start", "cli/broken", "--watch"),
    ]);
    expect([ok.code, JSON.parse(ok.stdout)]).toEqual([0, { text: "Hello Bo" }]);
    expect([failed.code, failed.stdout]).toEqual([1, ""]);
    expect(failed.stderr).toContain('"detail": "no stock"');
  });

  test("given many executions, when they are terminated by one command, then each is, and a watch of all tells it", async () => {
    const ids = await Promise.all(
      Array.from(
        { length: 3 },
        async () =>
          (await client.start({ definition: { namespace: "cli", name: "long" }, labels: { many: "yes" } })).executionId,
      ),
    );
    const watching = cli("executions", "watch", "--label", "many=yes", "--json");
    await eventually(watching.out, (text) => text.includes('"kind":"ready"'));
    expect(await json("executions", "terminate", ...ids)).toMatchObject(
      ids.map((executionId) => ({ executionId, status: "CANCELLED" })),
    );
    await eventually(
      watching.out,
      (text) => text.split("\n").filter((line) => line.includes("CANCELLED")).length === 3,
    );
    watching.stop();
    await watching;
  });
});

test("given a failed execution, when its dead letter is listed, shown, redriven and discarded, then each command does it", async () => {
  await client.registerDefinition(BROKEN);
  const { executionId } = await client.start({ definition: { namespace: "cli", name: "broken" } }, { waitMs: 30_000 });
  const letters = await eventually(
    async () => (await client.deadLetters()).items.filter((each) => each.executionId === executionId),
    (found) => found.length === 1,
  );
  const id = letters[0]?.id ?? "";
  const [list, shown, asJson] = await Promise.all([
    cli("dead-letters", "list", "--all"),
    cli("dead-letters", "show", id),
    json("dead-letters", "show", id),
  ]);
  expect(list.stdout).toMatch(new RegExp(`^${id} +execution `, "m"));
  expect(shown.stdout).toMatch(/^kind +execution$/m);
  expect(asJson).toMatchObject({ id, error: { detail: "no stock" } });
  expect(await cli("dead-letters", "redrive", id)).toEqual({
    code: 0,
    stderr: "",
    stdout: `${id} redriven: execution ${executionId}\n`,
  });
  expect(await cli("dead-letters", "redrive", id)).toMatchObject({ code: 5 });
  expect(await cli("dead-letters", "redrive")).toMatchObject({ code: 2 });
  expect(await cli("dead-letters", "discard", id)).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(await cli("dead-letters", "show", id)).toMatchObject({ code: 5, stdout: "" });
});

test("given a reader that stops reading, when a list is printed, then the command ends without a word", () => {
  const { PATH = "", HOME = "" } = process.env;
  const command = `"$0" --import tsx ${join(ROOT, "src/cli/main.ts")} completion bash | true; echo "\${PIPESTATUS[0]}"`;
  const ended = spawnSync("bash", ["-c", command, process.execPath], {
    cwd: ROOT,
    env: { PATH, HOME },
    encoding: "utf8",
  });
  expect(ended).toMatchObject({ stdout: "0\n", stderr: "" });
});

test("given an execution that is watched, when Ctrl-C comes, then it goes on and that is said", async () => {
  await cli("definitions", "put", file("long.yaml", LONG));
  const { executionId } = await client.start({ definition: { namespace: "cli", name: "long" } });
  const watching = cli("executions", "watch", executionId, "--json");
  await eventually(
    async () => watching.out(),
    (text) => text.includes("timer.scheduled"),
  );
  watching.stop();
  const { code, stdout, stderr } = await watching;
  expect(code).toBe(130);
  for (const line of stdout.trim().split("\n")) expect(() => JSON.parse(line)).not.toThrow();
  expect(stderr).toContain(`durabull executions watch ${executionId}`);
  expect((await client.execution(executionId)).status).toBe("WAITING");
  await client.terminate(executionId);
});

test("given PORT in the .env of a directory, when the CLI runs there, then it speaks to that service", async () => {
  writeFileSync(join(directory, ".env"), `PORT=${new URL(service.url).port}\n`);
  const { PATH = "", HOME = "" } = process.env;
  const tsx = fileURLToPath(import.meta.resolve("tsx"));
  const args = [
    "--import",
    tsx,
    join(ROOT, "src/cli/main.ts"),
    "run",
    file("hello.yaml", HELLO),
    "--input",
    '{"name":"Ada"}',
  ];
  const ended = spawnSync(process.execPath, args, { cwd: directory, env: { PATH, HOME }, encoding: "utf8" });
  rmSync(join(directory, ".env"));
  expect(ended).toMatchObject({ status: 0 });
  expect(JSON.parse(ended.stdout)).toEqual({ text: "Hello Ada" });
});

test("given --json, when definitions are validated offline or run, then all of stdout is JSON", async () => {
  const wrong = file("wrong.yaml", HELLO.replace("set:", "sett:"));
  const [checked, ran] = await Promise.all([
    cli("validate", wrong, "--json"),
    cli("run", file("hello.yaml", HELLO), "--input", '{"name":"Ada"}', "--json"),
  ]);
  expect(checked).toMatchObject({ code: 1, stderr: "" });
  expect(JSON.parse(checked.stdout)).toMatchObject({ valid: false, issues: [{ line: 4 }] });
  const events = ran.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  expect(events.at(-1)).toMatchObject({ type: "io.flunq.workflow.completed", data: { output: { text: "Hello Ada" } } });
});

describe("completion", () => {
  const words = (script: string, line: readonly string[]) => {
    const list = line.map((word) => `'${word}'`).join(" ");
    const program = `${script}\nCOMP_WORDS=(${list}); COMP_CWORD=${line.length - 1}; _durabull; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync("bash", ["-c", program], { encoding: "utf8", cwd: directory }).trim().split("\n");
  };

  beforeAll(() => void file("hello.yaml", HELLO));

  test("given bash, when a line is completed, then commands, options, values and files are offered where they fit", async () => {
    const { code, stdout: script } = await cli("completion", "bash");
    expect(code).toBe(0);
    expect(words(script, ["durabull", ""])).toEqual(
      expect.arrayContaining(["executions", "definitions", "dead-letters", "run"]),
    );
    expect(words(script, ["durabull", "executions", "te"])).toEqual(["terminate"]);
    expect(words(script, ["durabull", "executions", "list", "--sta"])).toEqual([
      "--status",
      "--started-after",
      "--started-before",
    ]);
    expect(words(script, ["durabull", "executions", "list", "--status", "CO"])).toEqual(["COMPLETED"]);
    expect(words(script, ["durabull", "dead-letters", "re"])).toEqual(["redrive"]);
    expect(words(script, ["durabull", "definitions", "put", "hel"])).toEqual(["hello.yaml"]);
  });

  test("given fish, when a line is completed, then it offers what fits", async () => {
    if (spawnSync("fish", ["--version"]).error !== undefined)
      return console.info("fish is not installed: not completed");
    const { stdout: script } = await cli("completion", "fish");
    const completed = (line: string) => {
      const text = execFileSync("fish", ["-c", `source ${file("c.fish", script)}; complete -C '${line}'`], {
        encoding: "utf8",
        cwd: directory,
      });
      return text
        .trim()
        .split("\n")
        .map((each) => each.split("\t")[0]);
    };
    expect(completed("durabull dead-letters re")).toEqual(["redrive"]);
    expect(completed("durabull executions list --status CO")).toEqual(["COMPLETED"]);
    expect(completed("durabull run hel")).toEqual(["hello.yaml"]);
    expect(completed("durabull executions list --sta")).toEqual(["--started-after", "--started-before", "--status"]);
  });

  test("given zsh, when a line is completed, then it offers what fits", async () => {
    if (spawnSync("zsh", ["--version"]).error !== undefined) return console.info("zsh is not installed: not completed");
    const { stdout: script } = await cli("completion", "zsh");
    // What the shell would be given: its own completion needs a terminal.
    const offered = (...line: readonly string[]) => {
      const stubs =
        'compdef() { }; _describe() { print -l -- "${(@P)2}" }; compadd() { print -l -- "${@:2}" }; _files() { print FILES }';
      const words = line.map((word) => `'${word}'`).join(" ");
      const program = `${stubs}; source ${file("c.zsh", script)}; words=(${words}); CURRENT=${line.length}; _durabull`;
      return execFileSync("zsh", ["-f", "-c", program], { encoding: "utf8" }).trim().split("\n");
    };
    expect(offered("durabull", "dead-letters", "")).toEqual(
      expect.arrayContaining([expect.stringMatching(/^redrive:/)]),
    );
    expect(offered("durabull", "executions", "list", "--status", "")).toContain("COMPLETED");
    expect(offered("durabull", "run", "")).toContain("FILES");
  });

  test.each(["zsh", "fish"] as const)(
    "given %s, when its script is printed, then it names every command, and that shell can read it",
    async (shell) => {
      const { code, stdout: script } = await cli("completion", shell);
      expect(code).toBe(0);
      for (const word of ["executions", "terminate", "dead-letters", "redrive", "idempotency-key", "COMPLETED"]) {
        expect(script).toContain(word);
      }
      const there = spawnSync(shell, ["--version"]).error === undefined;
      if (!there) return console.info(`${shell} is not installed: its script is not read by it here`);
      expect(spawnSync(shell, ["-n", file(`whole.${shell}`, script)], { encoding: "utf8" })).toMatchObject({
        status: 0,
        stderr: "",
      });
    },
  );
});
