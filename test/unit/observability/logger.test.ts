import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** In a process of its own, as the logger writes to standard output. */
function logged(code: string): readonly Record<string, unknown>[] {
  const module = fileURLToPath(new URL("../../../src/observability/logger.ts", import.meta.url));
  const script = `const { createLogger } = await import(${JSON.stringify(module)});
    const { createHider } = await import(${JSON.stringify(module.replace("logger.ts", "hider.ts"))});
    const log = createLogger({ level: "info", worker: "worker-1", terminal: false, hider: createHider(["s3cret-te\\"xt", "short", '{"user":"s3cret-user"}']), more: () => ({ trace_id: "t" }) });
    ${code}`;
  const args = ["--import", "tsx", "--input-type=module", "--eval", script];
  const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

test("given members that hold secrets, secret texts and an active trace, when they are logged, then only the trace is shown", () => {
  const lines = logged(`
    log.info({ authorization: "Bearer a", headers: { cookie: "b", "set-cookie": "c", accept: "d" } }, "headers");
    log.info({ request: { headers: { authorization: "e", "x-api-key": "f" } }, secrets: { A: "g" }, password: "h" }, "deep");
    log.info({ credentials: { user: "s3cret-user" } }, 'parsed {"user":"s3cret-user"}');
    log.info({ err: new Error('it said s3cret-te"xt to me') }, "a short s3cret-te\\"xt");
  `);
  const hidden = "[hidden]";
  expect(lines[0]).toMatchObject({
    worker: "worker-1",
    trace_id: "t",
    authorization: hidden,
    headers: { cookie: hidden, "set-cookie": hidden, accept: "d" },
  });
  expect(lines[1]).toMatchObject({
    request: { headers: { authorization: hidden, "x-api-key": hidden } },
    secrets: hidden,
    password: hidden,
  });
  expect(lines[2]).toMatchObject({ credentials: hidden, msg: `parsed ${hidden}` });
  expect(lines[3]).toMatchObject({ msg: `a short ${hidden}`, err: { message: `it said ${hidden} to me` } });
  expect(JSON.stringify(lines)).not.toContain("s3cret");
});
