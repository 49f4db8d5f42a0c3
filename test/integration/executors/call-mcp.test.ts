import { existsSync, mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAuthenticator } from "../../../src/executors/auth/authenticator.ts";
import { agentOf } from "../../../src/executors/call-http.ts";
import { createServiceExecutors, type ServicePolicy } from "../../../src/executors/services.ts";
import type { JsonObject } from "../../../src/values/json.ts";
import { activityContext } from "../../support/activity.ts";
import { type McpHttpServer, startMcpServer } from "../../support/mcp-server.ts";

const STDIO_SERVER = fileURLToPath(new URL("../../support/mcp-stdio-server.ts", import.meta.url));
const TSX = fileURLToPath(import.meta.resolve("tsx"));
const POLICY: ServicePolicy = {
  allowPrivateNetwork: true,
  allowedHosts: [],
  maxResponseBytes: 100_000,
  documents: { maxFiles: 3, maxBytes: 100_000 },
  authenticator: createAuthenticator(agentOf({ allowPrivateNetwork: true, allowedHosts: [] })),
  processes: { allowed: ["shell"], limits: { timeoutMs: 60_000, memoryBytes: 1_073_741_824, outputBytes: 100_000 } },
};

let server: McpHttpServer;
const opened: { close(): Promise<void> }[] = [];
function mcp(policy: Partial<ServicePolicy> = {}) {
  const made = createServiceExecutors({ ...POLICY, ...policy });
  opened.push(made);
  return made.executors.mcp;
}

beforeAll(async () => {
  server = await startMcpServer();
});
afterAll(async () => {
  for (const each of opened) await each.close();
  await server.close();
});

const overHttp = () => ({ http: { endpoint: server.url, headers: { "x-tenant": "a" } } });
const overStdio = (environment: Readonly<Record<string, string>> = {}) => ({
  stdio: { command: process.execPath, arguments: ["--import", TSX, STDIO_SERVER], environment },
});
const call = (
  given: JsonObject,
  policy?: Partial<ServicePolicy>,
  context = activityContext(),
  authentication?: JsonObject,
) =>
  mcp(policy)(
    {
      with: { parameters: {}, protocolVersion: "2025-06-18", transport: overHttp(), ...given },
      ...(authentication === undefined ? {} : { authentication }),
    },
    context,
  );
const failure = (kind: string, detail: RegExp) => ({
  ok: false,
  error: expect.objectContaining({
    type: `https://serverlessworkflow.io/spec/1.0.0/errors/${kind}`,
    detail: expect.stringMatching(detail),
  }),
});
const text = (value: unknown) => ({ content: [{ type: "text", text: JSON.stringify(value) }] });

describe("given an MCP server, when a method is called, then its result is the output", () => {
  test.each<[string, JsonObject, unknown]>([
    ["tools/list", {}, { tools: expect.arrayContaining([expect.objectContaining({ name: "add" })]) }],
    ["tools/call", { name: "add", arguments: { a: 1, b: 2 } }, text({ sum: 3, key: "key-1" })],
    ["prompts/list", {}, { prompts: [expect.objectContaining({ name: "greet" })] }],
    [
      "prompts/get",
      { name: "greet", arguments: { who: "Ada" } },
      { messages: [expect.objectContaining({ role: "user" })] },
    ],
    ["resources/list", {}, { resources: [expect.objectContaining({ uri: "test://readme" })] }],
    ["resources/read", { uri: "test://items/7" }, { contents: [{ uri: "test://items/7", text: "item 7" }] }],
    [
      "resources/templates/list",
      {},
      { resourceTemplates: [expect.objectContaining({ uriTemplate: "test://items/{id}" })] },
    ],
  ])("%s", async (method, parameters, output) => {
    expect(await call({ method, parameters })).toEqual({ ok: true, output });
  });
});

test("given a server over stdio, when a tool is called, then its result is the output", async () => {
  const parameters = { name: "add", arguments: { a: 1, b: 2 } };
  const outcome = await call({ method: "tools/call", parameters, transport: overStdio() });
  expect(outcome).toEqual({ ok: true, output: text({ sum: 3, key: "key-1" }) });
});

test("given client, version and headers, when a server is called over HTTP, then it is told, and the session ended", async () => {
  const before = server.requests.length;
  await call({ method: "tools/list", client: { name: "me", version: "7" }, protocolVersion: "2025-03-26" });
  const [first, ...others] = server.requests.slice(before);
  expect(JSON.parse(first?.body ?? "")).toMatchObject({
    method: "initialize",
    params: { protocolVersion: "2025-03-26", clientInfo: { name: "me", version: "7" } },
  });
  expect(first?.headers).toMatchObject({ "x-tenant": "a", "user-agent": "durabull" });
  expect(others.map(({ method }) => method)).toContain("DELETE");
});

test("given a login, when a server is called over HTTP, then each request shows it, and a header of the author's wins", async () => {
  const shown = async (headers: JsonObject) => {
    const before = server.requests.length;
    const transport = { http: { endpoint: server.url, headers } };
    const bearer = { bearer: { token: "token-1" } };
    expect(await call({ method: "tools/list", transport }, {}, activityContext(), bearer)).toMatchObject({ ok: true });
    return new Set(server.requests.slice(before).map((each) => each.headers.authorization));
  };
  expect(await shown({})).toEqual(new Set(["Bearer token-1"]));
  expect(await shown({ authorization: "Own" })).toEqual(new Set(["Own"]));
});

test("given a server that asks for a digest, when it is called over HTTP, then each request answers", async () => {
  const digest = { digest: { username: "ada", password: "canary-1" } };
  server.demandDigest(true);
  const outcome = await call({ method: "tools/list" }, {}, activityContext(), digest);
  const refused = await call({ method: "tools/list" });
  server.demandDigest(false);
  expect(outcome).toMatchObject({ ok: true });
  expect(refused).toEqual(failure("runtime", /^MCP tools\/list failed/));
});

describe("given a server whose connection breaks before its answer, when a tool is called", () => {
  const drop = { method: "tools/call", parameters: { name: "drop" } };
  // Since this version of the protocol an answer can be gone on with.
  const with2 = (options: JsonObject) => ({
    ...drop,
    protocolVersion: "2025-11-25",
    transport: { http: { endpoint: server.url, headers: {}, ...options } },
  });

  test("then the call goes on with it, and asks for nothing else", async () => {
    const before = server.requests.length;
    expect(await call(with2({ maxRetries: 1, initialReconnectionDelayMs: 1 }))).toEqual({
      ok: true,
      output: text("found again"),
    });
    const streams = server.requests.slice(before).filter(({ method }) => method === "GET");
    expect(streams.map(({ headers }) => typeof headers["last-event-id"])).toEqual(["string"]);
  });

  test("then without retries it is communication 500", async () => {
    expect(await call(with2({ maxRetries: 0 }))).toEqual(
      failure("communication", /the connection broke before the answer came/),
    );
  });
});

describe("given options of a server over stdio, when it is called", () => {
  const directory = { method: "tools/call", parameters: { name: "directory" } };

  test("then it works in that directory", async () => {
    const workingDirectory = realpathSync(tmpdir());
    const transport = { stdio: { ...overStdio().stdio, workingDirectory, shutdownTimeoutMs: 5_000 } };
    expect(await call({ ...directory, transport })).toEqual({ ok: true, output: text(workingDirectory) });
  });

  test("then a directory that is none is configuration 400", async () => {
    const transport = { stdio: { ...overStdio().stdio, workingDirectory: "/no/such/directory" } };
    expect(await call({ ...directory, transport })).toEqual(failure("configuration", /is no directory here/));
  });

  test("then it has that long to end by itself", async () => {
    const marker = join(mkdtempSync(join(tmpdir(), "mcp-end-")), "ended");
    const server = overStdio().stdio;
    const script = `trap 'sleep 0.4; : > "$MARKER"; exit 0' TERM; exec 3<&0; "$@" <&3 & wait $!; wait $!`;
    const transport = {
      stdio: {
        command: "/bin/sh",
        arguments: ["-c", script, "sh", server.command, ...server.arguments],
        environment: { MARKER: marker },
        shutdownTimeoutMs: 20_000,
      },
    };
    expect(await call({ ...directory, transport })).toMatchObject({ ok: true });
    expect(existsSync(marker)).toBe(true);
  });
});

describe("given a call that fails, when it is made, then it is", () => {
  const tool = (name: string) => ({ method: "tools/call", parameters: { name } });
  test.each<[string, JsonObject, Partial<ServicePolicy>, ReturnType<typeof failure>]>([
    [
      "runtime 500 for a tool that says so",
      tool("fail"),
      {},
      failure("runtime", /^the MCP tool failed: out of stock$/),
    ],
    ["runtime 500 for an unknown tool", tool("none"), {}, failure("runtime", /none/)],
    [
      "runtime 500 for an unknown prompt",
      { method: "prompts/get", parameters: { name: "x" } },
      {},
      failure("runtime", /^MCP prompts\/get failed: MCP error -32602/),
    ],
    [
      "timeout 408 for one that takes too long",
      { ...tool("hang"), timeoutMs: 200 },
      {},
      failure("timeout", /took longer than 200 ms/),
    ],
    [
      "configuration 400 for a version nobody speaks",
      { ...tool("add"), protocolVersion: "1.0" },
      {},
      failure("configuration", /MCP 1\.0 is not spoken here/),
    ],
    [
      "authorization 403 for an address that is not allowed",
      tool("add"),
      { allowPrivateNetwork: false },
      failure("authorization", /HTTP_ALLOWED_HOSTS/),
    ],
    [
      "communication 500 for a response that is too long",
      tool("add"),
      { maxResponseBytes: 20 },
      failure("communication", /HTTP_MAX_RESPONSE_BYTES/),
    ],
  ])("%s", async (_, given, policy, expected) => expect(await call(given, policy)).toEqual(expected));

  test("runtime 500 with what a server over stdio wrote before it ended", async () => {
    const transport = { stdio: { command: "/bin/sh", arguments: ["-c", "echo no key >&2; exit 1"], environment: {} } };
    expect(await call({ method: "tools/list", transport })).toEqual(failure("runtime", /the server wrote: no key/));
  });

  test("authorization 403 over stdio where RUN_ALLOWED does not name shell", async () => {
    const processes = { ...POLICY.processes, allowed: ["script" as const] };
    const outcome = await call({ method: "tools/list", transport: overStdio() }, { processes });
    expect(outcome).toEqual(failure("authorization", /RUN_ALLOWED=shell/));
  });
});

test("given a server over stdio, when it is started, then it has no environment but what is given, and PATH", async () => {
  process.env.DURABULL_CANARY = "canary";
  const outcome = await call({
    method: "tools/call",
    parameters: { name: "environment" },
    transport: overStdio({ KEY: "k" }),
  });
  delete process.env.DURABULL_CANARY;
  const shown = JSON.stringify(outcome);
  expect(shown).toMatch(/KEY/);
  expect(shown).not.toMatch(/canary|HOME|npm_/);
});

test("given a call in hand, when its activity is cancelled, then the reason is thrown", async () => {
  const controller = new AbortController();
  const given = { method: "tools/call", parameters: { name: "hang" } };
  const running = call(given, {}, activityContext({ signal: controller.signal }));
  const asked = () => server.requests.filter(({ body }) => body.includes('"hang"')).length;
  const before = asked();
  while (asked() === before) await new Promise((resolve) => setTimeout(resolve, 10));
  controller.abort(new Error("no longer owed"));
  await expect(running).rejects.toThrow("no longer owed");
});
