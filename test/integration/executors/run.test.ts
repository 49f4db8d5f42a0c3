import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ProcessLimits } from "../../../src/executors/process/run-process.ts";
import type { ProcessKind } from "../../../src/executors/process/runner.ts";
import { createProcessExecutors } from "../../../src/executors/processes.ts";
import type { JsonObject } from "../../../src/values/json.ts";
import { activityContext } from "../../support/activity.ts";
import { type Ledger, startLedger } from "../../support/ledger.ts";
import { resourcesOverHttp } from "../../support/resources.ts";

const LIMITS: ProcessLimits = { timeoutMs: 60_000, memoryBytes: 512 * 1_048_576, outputBytes: 100_000 };
const directory = mkdtempSync(join(tmpdir(), "durabull-test-run-"));
let ledger: Ledger;
const resources = resourcesOverHttp();
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  ledger = await startLedger();
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});
afterAll(async () => {
  await resources.close();
  await ledger.close();
  rmSync(directory, { recursive: true });
});

function processes(limits: Partial<ProcessLimits> = {}, allowed: readonly ProcessKind[] = ["script", "shell"]) {
  const made = createProcessExecutors({ allowed, limits: { ...LIMITS, ...limits } });
  opened.push(made);
  return made;
}

const BASE = { arguments: [], environment: {}, return: "stdout", await: true };
const shell = (given: JsonObject, limits?: Partial<ProcessLimits>, context = activityContext()) =>
  processes(limits).executors.shell({ with: { ...BASE, ...given } }, context);
const script = (given: JsonObject, limits?: Partial<ProcessLimits>) =>
  processes(limits).executors.script(
    { with: { ...BASE, ...given } },
    activityContext({ resource: resources.resource }),
  );

const failure = (kind: string, detail: RegExp) => ({
  ok: false,
  error: expect.objectContaining({
    type: `https://serverlessworkflow.io/spec/1.0.0/errors/${kind}`,
    detail: expect.stringMatching(detail),
  }),
});

/** Resolves once a file holds text. */
async function written(path: string): Promise<string> {
  for (;;) {
    const text = readFileSync(path, { encoding: "utf8", flag: "a+" });
    if (text.endsWith("\n")) return text.trim();
    await sleep(10);
  }
}

/** Resolves once none of these processes exists. */
async function gone(pids: readonly number[]): Promise<void> {
  const lives = (pid: number) => {
    try {
      // A zombie that nobody reaps has ended all the same.
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
      return false;
    }
  };
  while (pids.some(lives)) await sleep(10);
}

describe("given a shell command", () => {
  test("when it runs, then arguments, environment and stdin are there, and nothing of the worker's environment", async () => {
    process.env.DURABULL_CANARY = "canary";
    const command = 'input=$(cat); echo "STDIN was: $input"; echo "ARGS are $1 $2"; env | cut -d= -f1 | sort | xargs';
    const outcome = await shell({ command, arguments: ["Foo", "B a r"], stdin: "Hello", environment: { GIVEN: "x" } });
    delete process.env.DURABULL_CANARY;
    const [stdin, args, names] = outcome.ok ? String(outcome.output).split("\n") : [];
    expect([stdin, args]).toEqual(["STDIN was: Hello", "ARGS are Foo B a r"]);
    const ofTheShell = ["GIVEN", "OLDPWD", "PWD", "SHLVL", "_"];
    expect(names?.split(" ").filter((name) => !ofTheShell.includes(name))).toEqual([]);
  });

  test.each<[string, unknown]>([
    ["stdout", "out\n\n  in"],
    ["stderr", "err"],
    ["code", 0],
    ["all", { code: 0, stdout: "out\n\n  in", stderr: "err" }],
    ["none", null],
  ])("when it returns %s, then that is the output, without trailing line ends", async (returned, output) => {
    const command = "printf 'out\\n\\n  in\\n\\n\\n'; printf 'err\\r\\n' >&2";
    expect(await shell({ command, return: returned })).toEqual({ ok: true, output });
  });

  test("when its code is not 0, then it is runtime 500 with the end of stderr, unless the code was asked for", async () => {
    const command = "echo out; printf '%02000d' 0 >&2; echo why >&2; exit 7";
    for (const returned of ["stdout", "stderr", "none"]) {
      expect(await shell({ command, return: returned })).toEqual(
        failure("runtime", /^the process ended with code 7: …0+why$/),
      );
    }
    expect(await shell({ command, return: "code" })).toEqual({ ok: true, output: 7 });
    expect(await shell({ command, return: "all" })).toMatchObject({ output: { code: 7, stdout: "out" } });
    expect(await shell({ command: "kill -SEGV $$" })).toEqual(failure("runtime", /^the process was ended by SIGSEGV$/));
    expect(await shell({ command: "kill -9 $$", return: "code" })).toEqual({ ok: true, output: 137 });
  });

  test("when it leaves processes behind, then they end with it, and so do its files", async () => {
    const outcome = await shell({ command: "sleep 1000 & echo $!; touch file; pwd" });
    const [pid, place = ""] = outcome.ok ? String(outcome.output).split("\n") : [];
    await gone([Number(pid)]);
    expect(() => readdirSync(place)).toThrow();
  });

  test("when it does not read its stdin, then that is no failure", async () => {
    expect(await shell({ command: "echo done", stdin: "x".repeat(1_000_000) })).toEqual({ ok: true, output: "done" });
  });
});

describe("given a limit", () => {
  test("when time runs out, then the whole group ends with timeout 408, whatever it does with signals", async () => {
    const file = join(directory, "timeout");
    const command = `trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & echo $$ $! > ${file}; wait; wait`;
    const outcome = await shell({ command }, { timeoutMs: 500 });
    expect(outcome).toEqual(failure("timeout", /RUN_TIMEOUT/));
    await gone((await written(file)).split(" ").map(Number));
  });

  test("when it writes too much, then it ends with runtime 500", async () => {
    expect(await shell({ command: "yes" })).toEqual(failure("runtime", /to stdout \(RUN_MAX_OUTPUT_BYTES\)/));
    expect(await shell({ command: "yes >&2", return: "code" })).toEqual(failure("runtime", /to stderr/));
  });

  test("when all of it together takes too much memory, then it ends with runtime 500", async () => {
    const hold = `node -e 'globalThis.a = Buffer.alloc(40e6, 1); setInterval(() => {}, 1000)'`.replace(
      "node",
      process.execPath,
    );
    const outcome = await shell({ command: `${hold} & ${hold} & ${hold}` }, { memoryBytes: 128 * 1_048_576 });
    expect(outcome).toEqual(failure("runtime", /RUN_MAX_MEMORY_BYTES|was ended by|ended with code/));
  });

  test("when one process asks for too much at once, then it is refused by the system", async () => {
    const code = "const a = []; for (;;) a.push(Buffer.alloc(10e6, 1));";
    const outcome = await script({ language: "js", code }, { memoryBytes: 128 * 1_048_576 });
    expect(outcome).toEqual(failure("runtime", /memory|ended/i));
  });
});

describe("given a process that must end", () => {
  test("when its activity is cancelled, then the group ends and the reason is thrown", async () => {
    const file = join(directory, "cancel");
    const controller = new AbortController();
    const context = activityContext({ signal: controller.signal });
    const running = shell({ command: `sleep 1000 & echo $$ $! > ${file}; wait` }, {}, context);
    const pids = (await written(file)).split(" ").map(Number);
    controller.abort(new Error("no longer owed"));
    await expect(running).rejects.toThrow("no longer owed");
    await gone(pids);
  });

  test("when nobody waits for it, then it is answered at once, and ends with the worker", async () => {
    const file = join(directory, "unawaited");
    const made = processes();
    const command = `echo $$ > ${file}; sleep 1000`;
    const outcome = await made.executors.shell({ with: { ...BASE, command, await: false } }, activityContext());
    expect(outcome).toEqual({ ok: true, output: null });
    const pid = Number(await written(file));
    await made.close();
    await gone([pid]);
  });
});

test("given a worker that is killed with -9, when its process has children, then all of them end", async () => {
  const file = join(directory, "orphans");
  const module = new URL("../../../src/executors/process/run-process.ts", import.meta.url).href;
  const command = `(trap '' TERM; while :; do sleep 1; done) & echo $$ $! > ${file}; wait`;
  const request = { command: "/bin/sh", args: ["-c", command], environment: {}, directory };
  const code = `import { runProcess } from ${JSON.stringify(module)};
    await runProcess(${JSON.stringify(request)}, ${JSON.stringify(LIMITS)}, new AbortController().signal);`;
  const worker = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], { stdio: "inherit" });
  const pids = (await written(file)).split(" ").map(Number);
  worker.kill("SIGKILL");
  await gone(pids);
});

describe("given a script", () => {
  test("when it is JavaScript, then it is a module with its arguments, environment and stdin", async () => {
    const code = `
      import { readFileSync } from 'node:fs';
      const stdin = readFileSync(process.stdin.fd, 'utf8');
      const [_, __, arg] = process.argv;
      console.log('stdin > ', stdin); console.log('arg > ', arg); console.log('env > ', process.env.foo);
      console.log(await Promise.resolve(Object.keys(process.env).filter((name) => !['foo', 'PWD', 'OLDPWD', 'SHLVL', '_'].includes(name)).length), typeof require('node:path').join);
    `;
    const given = { language: "js", code, stdin: "Hello Workflow", arguments: ["hello"], environment: { foo: "bar" } };
    expect(await script(given)).toEqual({
      ok: true,
      output: "stdin >  Hello Workflow\narg >  hello\nenv >  bar\n0 function",
    });
    expect(
      await script({ language: "js", code: "console.log(greeting.toUpperCase())", variables: { greeting: "hi" } }),
    ).toEqual({
      ok: true,
      output: "HI",
    });
  });

  test("when it is Python, then it is a program with its arguments, environment and stdin", async () => {
    const code = [
      "import os, sys",
      "print(__name__, sys.argv[1:], sys.stdin.read(), os.environ['foo'], who, 'ü')",
      "sys.exit(3)",
    ].join("\n");
    const given = { language: "python", code, stdin: "in", arguments: ["a b"], environment: { foo: "bar" } };
    expect(await script({ ...given, variables: { who: { is: "Ada" } }, return: "all" })).toEqual({
      ok: true,
      output: { code: 3, stdout: "__main__ ['a b'] in bar {'is': 'Ada'} ü", stderr: "" },
    });
  });

  test("when it throws, then that is runtime 500 with its message", async () => {
    expect(await script({ language: "js", code: "throw new Error('it broke')" })).toEqual(
      failure("runtime", /it broke/),
    );
    expect(await script({ language: "python", code: "raise ValueError('it broke')" })).toEqual(
      failure("runtime", /it broke/),
    );
  });

  test("when it stands at a URL, then it is fetched as HTTP calls are", async () => {
    ledger.answer((request, response) => {
      if (request.url !== "/script.py") return response.writeHead(404).end();
      return response.writeHead(200, { "content-type": "text/x-python" }).end("print('from afar')");
    });
    const at = (path: string) => script({ language: "python", source: { endpoint: `${ledger.origin}${path}` } });
    expect(await at("/script.py")).toEqual({ ok: true, output: "from afar" });
    expect(await at("/other.py")).toEqual(failure("communication", /^a resource cannot be read: .*404/));
  });
});

test("given what RUN_ALLOWED does not name, when it is asked for, then it is authorization 403 and nothing runs", async () => {
  const file = join(directory, "refused");
  writeFileSync(file, "");
  const { executors } = processes({}, ["script"]);
  const outcome = await executors.shell({ with: { ...BASE, command: `echo ran > ${file}` } }, activityContext());
  expect(outcome).toEqual(failure("authorization", /run shell is off .* RUN_ALLOWED=shell/));
  expect(readFileSync(file, "utf8")).toBe("");
});
