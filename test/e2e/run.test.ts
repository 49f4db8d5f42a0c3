import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { documentOf } from "../support/api.ts";
import { serviceOnStore } from "../support/service-on-store.ts";
import { onEachStore } from "../support/stores.ts";

const SECRET = "hunter2-hunter2";

/** Resolves once the process has ended. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await sleep(20);
  }
}

onEachStore((store) => {
  const on = serviceOnStore(store, { RUN_ALLOWED: "script,shell", SECRET_TOKEN: SECRET });

  test("given scripts and shell commands, when a workflow runs them, then data flow through them", async () => {
    const { executionId } = await on.api.start(
      documentOf(`
        - shell:
            run:
              shell: { command: 'read -r line; echo "$1 $line $MORE"', arguments: ["\${ .greeting }"], stdin: "\${ .name }", environment: { MORE: "\${ .n }" } }
            output: { as: "{ line: . }" }
        - python:
            run: { script: { language: python, code: "import json, sys; print(json.load(sys.stdin)['line'].upper())", stdin: "\${ . }" }, return: all }
        - js: { run: { script: { language: js, code: "console.log(JSON.stringify(process.argv.slice(2)))", arguments: ["\${ .stdout }"] } } }
        - nothing: { run: { shell: { command: "printf 'a\\\\0b'" } } }
        - all: { set: "\${ . }" }
      `),
      { input: { greeting: "Hello", name: "Ada", n: 3 } },
    );
    const { status, output } = await on.api.ended(executionId);
    expect({ status, output }).toEqual({ status: "COMPLETED", output: "a\0b" });
    const outputs = (await on.api.history(executionId)).flatMap(({ type, data }) =>
      type === "io.flunq.task.completed" ? [data.output] : [],
    );
    expect(outputs.slice(0, 3)).toEqual([
      { line: "Hello Ada 3" },
      { code: 0, stdout: "HELLO ADA 3", stderr: "" },
      '["HELLO ADA 3"]',
    ]);
  });

  test("given a command that fails, when a try catches and another does not wait, then the workflow goes on", async () => {
    const { executionId } = await on.api.start(
      documentOf(`
        - first:
            try: [{a: {run: {shell: {command: "echo why >&2; exit 4"}}}}]
            catch: {do: [{note: {set: {error: "\${ $error }"}}}]}
        - second: {run: {shell: {command: exit 1}, await: false}}
      `),
    );
    expect((await on.api.ended(executionId)).output).toEqual({
      error: {
        type: "https://serverlessworkflow.io/spec/1.0.0/errors/runtime",
        status: 500,
        title: "Runtime Error",
        detail: "the process ended with code 4: why",
        instance: "/do/0/first/try/0/a",
      },
    });
  });

  test("given a process that reads a secret, when it runs, then it has it, and the history does not", async () => {
    const { executionId } = await on.api.start(
      documentOf(
        `
        - length: {run: {shell: {command: 'printf %s "$TOKEN" | wc -c | tr -d " "', environment: {TOKEN: "\${ $secrets.TOKEN }"}}}}
        - shown: {run: {shell: {command: 'echo "$1"', arguments: ["\${ $secrets.TOKEN }"]}}}
      `,
        "use: { secrets: [TOKEN] }",
      ),
    );
    const { error } = await on.api.ended(executionId);
    expect(error).toMatchObject({ status: 403, instance: "/do/1/shown" });
    const history = await on.api.history(executionId);
    expect(history.find(({ type }) => type === "io.flunq.task.completed")?.data).toMatchObject({
      output: String(SECRET.length),
    });
    expect(JSON.stringify(history)).not.toContain(SECRET);
  });

  test("given a process that runs for long, when its task times out or its execution is cancelled, then it ends", async () => {
    const long = (path: string) => {
      const code = "fetch(process.argv[1], { method: 'POST', body: process.argv[2] }); setInterval(() => {}, 1000)";
      const command = `${process.execPath} -e "${code}" ${on.outside.url}${path} $$ & wait`;
      return `{run: {shell: {command: ${JSON.stringify(command)}}}, timeout: {after: ${path === "/timed" ? "PT2S" : "PT1H"}}}`;
    };
    const timed = await on.api.start(documentOf(`- long: ${long("/timed")}`));
    expect((await on.api.ended(timed.executionId)).error).toMatchObject({ status: 408 });
    const cancelled = await on.api.start(documentOf(`- long: ${long("/cancelled")}`));
    await on.outside.seen("/cancelled");
    await on.api.act(cancelled.executionId, "cancel");
    for (const { body } of on.outside.calls) await gone(Number(body));
  });

  test("given what RUN_ALLOWED does not name, when it is registered and run, then there is a warning, and authorization 403", async () => {
    const document = documentOf(`- box: {run: {container: {image: hello-world}}}`);
    const { body } = await on.api.register(document);
    expect(body.warnings).toMatchObject([{ pointer: "/do/0/box/run/container" }]);
    const { executionId } = await on.api.start(document);
    expect((await on.api.ended(executionId)).error).toMatchObject({ status: 403, instance: "/do/0/box" });
  });
});
