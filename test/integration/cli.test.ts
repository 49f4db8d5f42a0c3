import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "../../src/cli/index.ts";
import { defaultUrl } from "../../src/cli/remote.ts";
import { type Terminal, terminalOf } from "../../src/cli/terminal.ts";
import { ApiError, DurabullClient, ServiceUnreachableError } from "../../src/client/index.ts";
import { openService, type Service } from "../../src/compose.ts";
import { loadConfig } from "../../src/config/index.ts";
import { eventually } from "../support/api.ts";
import { freePort } from "../support/free-port.ts";
import { startRedis, type TestServer } from "../support/servers.ts";

const head = (name: string) => `document: { dsl: 1.0.3, namespace: cli, name: ${name}, version: 1.0.0 }\n`;
const DOUBLE = `${head("double")}do:
  - double:
      set: { twice: "\${ .n * 2 }" }
  - nap:
      wait: { milliseconds: 300 }
`;
const FAIL = `${head("fail")}do:
  - boom: { raise: { error: { type: "https://example.com/e", status: 409, title: Boom, detail: no stock } } }
`;
const LONG = `${head("long")}do:
  - rest: { wait: { minutes: 10 } }
`;

let server: TestServer;
let service: Service;
let url: string;
const directory = mkdtempSync(join(tmpdir(), "durabull-cli-"));
beforeAll(async () => {
  server = await startRedis();
  const config = loadConfig({
    REDIS_URL: server.url,
    ALLOW_VOLATILE: "true",
    LOG_LEVEL: "silent",
    EXAMPLES: "off",
    PORT: "0",
    HEALTH_PORT: "0",
    METRICS_PORT: "0",
  });
  service = await openService(config, ["api", "workflow", "task"]);
  url = service.addresses.api ?? "";
  await service.adapters.database.announceFunctions("painter", [{ name: "paint", queue: "gpu" }], 600_000);
});
afterAll(async () => {
  await service.drain();
  await server.stop();
  rmSync(directory, { recursive: true });
});

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

async function cli(args: readonly string[], { isTTY = false } = {}) {
  const written = { stdout: "", stderr: "" };
  const output = (name: "stdout" | "stderr") => ({
    isTTY,
    columns: 80,
    write: (text: string) => {
      written[name] += text;
    },
  });
  const terminal: Terminal = {
    ...terminalOf(process),
    stdout: output("stdout"),
    stderr: output("stderr"),
    onInterrupt: () => () => undefined,
  };
  const code = await runCli(args, { terminal, version: "1.2.3", dev: async () => undefined });
  return { code, ...written };
}

describe("durabull schedules", () => {
  const scheduled = `document: { dsl: 1.0.3, namespace: cli, name: scheduled, version: 1.0.0 }
schedule: { every: PT1H }
do: [{ say: { set: "\${ . }" } }]
`;

  test("given a definition with a schedule, when it is listed, paused, triggered and resumed, then each says so, with --json as JSON", async () => {
    const at = ["--url", url];
    await new DurabullClient({ url }).registerDefinition(scheduled);
    expect((await cli(["schedules", "list", ...at])).stdout).toMatch(
      /^SCHEDULE .*\ncli\/scheduled {2}active .* every PT1H\n$/,
    );
    expect((await cli(["schedules", "show", "cli/scheduled", ...at])).stdout).toMatch(/^every +PT1H$/m);
    const paused = await cli(["schedules", "pause", "cli/scheduled", "--reason", "holiday", ...at]);
    expect(paused).toMatchObject({ code: 0, stdout: "cli/scheduled paused\n" });
    const triggered = await cli(["schedules", "trigger", "cli/scheduled", "--input", '{"n":1}', "--json", ...at]);
    expect(JSON.parse(triggered.stdout)).toMatchObject({ started: true, schedule: { pausedReason: "holiday" } });
    const { executionId } = JSON.parse(triggered.stdout);
    expect((await new DurabullClient({ url }).ended(executionId)).output).toEqual({ n: 1 });
    expect((await cli(["schedules", "resume", "cli/scheduled", ...at])).stdout).toMatch(
      /^cli\/scheduled active: next 20/,
    );
    expect(await cli(["schedules", "show", "cli/none", ...at])).toMatchObject({ code: 5 });
    expect(await cli(["schedules", "pause", "cli/scheduled", "cli/scheduled/1.0.0", ...at])).toMatchObject({ code: 2 });
  });
});

describe("durabull schedules on events", () => {
  const text = `document: { dsl: 1.0.3, namespace: cli, name: on-events, version: 1.0.0 }
schedule: { on: { all: [{ with: { type: paired.a } }, { with: { type: paired.b } }] } }
do: [{ say: { set: "\${ .[0] }" } }]
`;

  test("given a definition that starts on events, when some came, then the list says on which, and show what is matched and was started", async () => {
    const at = ["--url", url];
    const client = new DurabullClient({ url });
    await client.registerDefinition(text);
    const event = (type: string, id: string) => ({ specversion: "1.0", id, source: "/cli", type }) as const;
    await client.publish([event("paired.a", "1"), event("paired.b", "2"), event("paired.a", "3")]);
    await eventually(
      () => client.schedule("cli", "on-events"),
      ({ fired, on }) => fired === 1 && on?.collecting.length === 1,
    );
    const { stdout } = await cli(["schedules", "list", ...at]);
    expect(stdout).toMatch(/^cli\/on-events {2}active .* on all paired\.a, paired\.b$/m);
    const shown = (await cli(["schedules", "show", "cli/on-events", ...at])).stdout;
    expect(shown).toMatch(/^collecting: 1 since 20.*, missing \/schedule\/on\/all\/1$/m);
    expect(shown).toMatch(/^20.* event {2,}x\S+$/m);
    await cli(["schedules", "pause", "cli/on-events", ...at]);
    expect((await cli(["schedules", "resume", "cli/on-events", ...at])).stdout).toBe("cli/on-events active\n");
  });
});

describe("durabull run", () => {
  test("given a definition, when it is run, then its output is JSON on stdout, progress elsewhere, and the code 0", async () => {
    const { code, stdout, stderr } = await cli([
      "run",
      file("double.yaml", DOUBLE),
      "--url",
      url,
      "--input",
      '{"n":21}',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ twice: 42 });
    expect(stderr).toMatch(/cli\/double\/1\.0\.0: execution x\d+-/);
    expect(stderr).toMatch(/double started\n.*double completed/);
    expect(stderr).toMatch(/nap completed/);
    expect(stderr).not.toContain("\u001b");
  });

  test("given a terminal and input in a file, when it is run, then progress is drawn and leaves finished lines", async () => {
    const input = file("input.json", '{"n":4}');
    const args = ["run", file("double.yaml", DOUBLE), "--url", url, "--input", `@${input}`];
    const { code, stdout, stderr } = await cli(args, { isTTY: true });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ twice: 8 });
    expect(stderr).toContain("\u001b[32m✔\u001b[0m nap completed");
  });

  test("given a definition that fails, when it is run, then its error is on stderr, and the code 1", async () => {
    const { code, stdout, stderr } = await cli(["run", file("fail.yaml", FAIL), "--url", url]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain('"detail": "no stock"');
  });

  test("given a run that somebody cancels, when it ends, then the code is 3", async () => {
    const client = new DurabullClient({ url, tenant: "other" });
    const running = cli(["run", file("long.yaml", LONG), "--url", url, "--workflow-id", "long-1", "--tenant", "other"]);
    for (;;) {
      const { items } = await client.executions({ workflowId: "long-1" });
      if (items[0] === undefined) continue;
      await client.cancel(items[0].executionId, "enough");
      break;
    }
    expect((await running).code).toBe(3);
  });

  test("given a definition the service refuses, when it is run, then each issue names file and line, and the code is 5", async () => {
    const path = file("wrong.yaml", DOUBLE.replace("wait:", "wiat:"));
    const { code, stderr } = await cli(["run", path, "--url", url]);
    expect(code).toBe(5);
    expect(stderr).toMatch(new RegExp(`^${path}:\\d+: /do/1/nap`, "m"));
  });

  test("given no service at the address, when it is run, then the code is 4", async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const { code, stderr } = await cli(["run", file("double.yaml", DOUBLE), "--url", nobody]);
    expect(code).toBe(4);
    expect(stderr).toContain(`${nobody} does not answer`);
  });

  test.each([
    [["run", "/nowhere/at-all.yaml"], "cannot read /nowhere/at-all.yaml"],
    [["run", "FILE", "--input", "{"], "--input is not JSON"],
    [["run"], "missing required argument"],
    [["ruun"], "unknown command"],
    [["validate", "FILE", "--strict"], "unknown option"],
  ])("given the command line %j, when it is run, then the code is 2", async (args, message) => {
    const path = file("double.yaml", DOUBLE);
    const { code, stderr } = await cli(args.map((arg) => (arg === "FILE" ? path : arg)));
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("durabull validate", () => {
  test("given a sound definition, when it is validated, then the code is 0 and stdout is empty", async () => {
    expect(await cli(["validate", file("double.yaml", DOUBLE)])).toMatchObject({ code: 0, stdout: "" });
  });

  test("given mistakes, when it is validated without any service, then each is file:line: pointer: message", async () => {
    const path = file("mistaken.yaml", DOUBLE.replace("wait:", "wiat:").replace(".n * 2", ".n * "));
    const { code, stdout } = await cli(["validate", path]);
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`^${path}:4: /do/0/double/set/twice: `, "m"));
    expect(stdout).toMatch(new RegExp(`^${path}:\\d+: /do/1/nap[^:]*: `, "m"));
    expect(await cli(["validate", file("no.yaml", "a: [")])).toMatchObject({ code: 1 });
  });
});

test("given --help and --version, when they are asked for, then the code is 0 and exit codes are told", async () => {
  expect(await cli(["--version"])).toMatchObject({ code: 0, stdout: "1.2.3\n" });
  const help = await cli(["run", "--help"]);
  expect(help.code).toBe(0);
  expect(help.stdout).toContain("cancelled or terminated");
});

describe("durabull events", () => {
  const following = async (types: readonly string[], wanted: number) => {
    const events = [];
    for await (const item of new DurabullClient({ url }).events({ types }, { after: "0-0" })) {
      if (item.kind === "event") events.push(item.event);
      if (events.length === wanted) break;
    }
    return events;
  };

  test("given a type, when an event is published, then whoever follows sees it whole", async () => {
    const more = ["--subject", "o-1", "--data", '{"n":1}', "--attribute", "kind=big", "--id", "e-1", "--url", url];
    const { code, stdout } = await cli(["events", "publish", "cli.paid", ...more]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "1 published\n" });
    expect(await following(["cli.*"], 1)).toMatchObject([
      { specversion: "1.0", id: "e-1", source: "/cli", type: "cli.paid", subject: "o-1", kind: "big", data: { n: 1 } },
    ]);
  });

  test("given a file of events, when it is published, then all or none of them are", async () => {
    const event = (id: string) => ({ specversion: "1.0", id, source: "/file", type: "file.paid" });
    const good = file("events.json", JSON.stringify([event("a"), event("b")]));
    expect(await cli(["events", "publish", `@${good}`, "--json", "--url", url])).toMatchObject({ code: 0 });
    const bad = file("bad.json", JSON.stringify([event("c"), { ...event("d"), source: "" }]));
    const refused = await cli(["events", "publish", `@${bad}`, "--url", url]);
    expect(refused.code).toBe(5);
    expect(refused.stderr).toContain("/1/source");
    expect((await following(["file.*"], 2)).map(({ id }) => id)).toEqual(["a", "b"]);
  });
});

/** With the address of the service, where the command takes one. */
function inserted(args: readonly string[]): readonly string[] {
  return args.length > 1 && args[0] !== "completion" ? [...args, "--url", url] : args;
}

test.each([
  [["executions", "show", "x0-nothing"], 5, "there is no execution"],
  [["executions", "list", "--status", "DONE"], 2, "expected some of PENDING"],
  [["executions", "start", "hello"], 2, "expected namespace/name"],
  [["executions", "history", "x", "--limit", "many"], 2, "expected a whole number"],
  [["executions", "list", "--url", "http://127.0.0.1:9"], 4, "does not answer"],
  [["executions", "watch", "x0-aaaaaaaaaaaaaaaaaaaaaaaaaa", "--url", "http://127.0.0.1:9"], 4, "does not answer"],
  [["executions"], 2, "Usage: durabull executions"],
  [["executions", "list", "--url", "notaurl"], 2, "expected an address such as http://127.0.0.1:8080"],
  [["executions", "list", "--url", "ftp://127.0.0.1"], 2, "expected an address"],
  [["executions", "list", "--sttus", "FAILED"], 2, "Did you mean --status?"],
  [["executions", "show"], 2, "missing required argument"],
  [["executions", "show", "x", "y"], 2, "too many arguments"],
  [["run", "./nowhere.yaml"], 2, "cannot read ./nowhere.yaml"],
  [["executions", "start", "a/b", "--input", "{'a'}"], 2, "1:2: a key in double quotes is expected"],
  [
    ["executions", "start", "a/b", "--input", '{"id":12345678901234567890}'],
    2,
    "/id: the number 12345678901234567890 would be",
  ],
  [["executions", "start", "a/b", "--input", '{"a":1,"a":2}'], 2, '/a: the key "a" stands twice'],
  [["exections", "list"], 2, "Did you mean executions?"],
  [["completion", "tcsh"], 2, "Allowed choices are bash, zsh, fish"],
] as const)("given %j, when it is run, then the code is %i", async (args, code, message) => {
  const ended = await cli([...((args as readonly string[]).includes("--url") ? args : inserted(args))]);
  expect([ended.code, ended.stdout]).toEqual([code, ""]);
  expect(ended.stderr).toContain(message);
});

test.each([
  ["text/html", 200, "<!doctype html><p>hello"],
  ["text/html", 502, "<h1>Bad Gateway</h1>"],
  ["application/json", 404, "{}"],
])(
  "given a server that is another one and answers %s with %i, when it is asked, then the code is 4 and says so",
  async (type, status, body) => {
    const other = createServer((_, response) => void response.writeHead(status, { "content-type": type }).end(body));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const at = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    for (const args of [
      ["executions", "list"],
      ["executions", "watch", "x"],
      ["definitions", "show", "a/b"],
    ]) {
      const { code, stdout, stderr } = await cli([...args, "--url", at]);
      expect([code, stdout]).toEqual([4, ""]);
      expect(stderr).toContain("is not Durabull");
      expect(stderr).toContain("--url");
    }
    other.close();
  },
);

test.each([
  [{}, "http://127.0.0.1:8080"],
  [{ PORT: "9001" }, "http://127.0.0.1:9001"],
  [{ PORT: "0", HOST: "0.0.0.0" }, "http://127.0.0.1:8080"],
  [{ PORT: "9001", HOST: "10.0.0.7" }, "http://10.0.0.7:9001"],
  [{ HOST: "::1" }, "http://[::1]:8080"],
  [{ PORT: "eighty", HOST: "a b" }, "http://127.0.0.1:8080"],
])("given the settings %j of a service, when no address is given, then it is %s", (env, address) => {
  expect(defaultUrl(env)).toBe(address);
});

describe("DurabullClient", () => {
  test("given a service, when a definition lives its whole life, then each call is typed and answered", async () => {
    const client = new DurabullClient({ url, tenant: "client" });
    expect(await client.validateDefinition("do: 1")).toMatchObject({ valid: false });
    const registered = await client.registerDefinition(DOUBLE);
    expect(registered).toMatchObject({ namespace: "cli", name: "double", created: true });
    expect((await client.definitions({ namespace: "cli" })).items).toHaveLength(1);
    expect((await client.definition("cli", "double")).digest).toBe(registered.digest);

    const definition = { namespace: "cli", name: "double" };
    const key = { idempotencyKey: "key-1" };
    const request = { definition, workflowId: "a b/c", input: { n: 2 }, labels: { team: "x" } };
    const started = await client.start(request, key);
    expect(started.created).toBe(true);
    expect(await client.start(request, key)).toMatchObject({
      executionId: started.executionId,
      created: false,
    });
    const ended = await client.ended(started.executionId);
    expect(ended).toMatchObject({ status: "COMPLETED", output: { twice: 4 } });
    const tasks = await client.tasks(started.executionId);
    expect(tasks.items.map(({ name, status }) => [name, status])).toEqual([
      ["double", "COMPLETED"],
      ["nap", "COMPLETED"],
    ]);
    const history = await client.history(started.executionId, { order: "desc", limit: 1 });
    expect(history.items[0]).toMatchObject({ type: "io.flunq.workflow.completed", sequence: ended.historyLength });
    expect((await client.workflowHistory("a b/c")).items).toHaveLength(ended.historyLength);
    const found = await client.executions({ labels: { team: "x" }, startedAfter: new Date(0), status: ["COMPLETED"] });
    expect(found.items).toMatchObject([{ executionId: started.executionId }]);
    expect((await client.deadLetters()).items).toEqual([]);
    await client.deleteDefinition("cli", "double", "1.0.0");
  });

  test("given a queue nobody takes from, when its execution is looked at, then a worker is what it waits for", async () => {
    const client = new DurabullClient({ url });
    const document = `${head("nobody")}do:\n  - ask: { call: paint }\n`;
    const { executionId } = await client.start({ document });
    // Until it is dispatched, that is a reason beside it.
    const reasons = async () => (await client.execution(executionId)).waitingFor;
    await expect
      .poll(reasons, { timeout: 20_000 })
      .toMatchObject([
        { kind: "worker", task: "/do/0/ask", detail: "no worker takes jobs from queue durabull-tasks-gpu; start one" },
      ]);
    await client.cancel(executionId);
  });

  test("given a refusal and a service that is away, when it is called, then the errors say which", async () => {
    const client = new DurabullClient({ url });
    const refused = await client.execution("x0-nothing").catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ApiError);
    expect(refused).toMatchObject({ status: 404, code: "DURABULL_EXECUTION_NOT_FOUND" });
    const nobody = new DurabullClient({ url: `http://127.0.0.1:${await freePort()}` });
    await expect(nobody.execution("x")).rejects.toBeInstanceOf(ServiceUnreachableError);
  });
});
