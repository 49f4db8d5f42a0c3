import { describe, expect, test } from "vitest";
import { checkDefinition, compileWorkflow } from "../../../src/dsl/index.ts";
import { renderCallService } from "../../../src/dsl/tasks/call-service.ts";
import type { CallServiceTask } from "../../../src/dsl/workflow.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";

const definition = (call: string, given: JsonObject): JsonObject => ({
  document: { dsl: "1.0.3", namespace: "test", name: "call", version: "1.0.0" },
  do: [{ t: { call, with: given } }],
});
const issuesOf = (call: string, given: JsonObject) =>
  checkDefinition(definition(call, given)).issues.map(
    ({ pointer, message }) => `${pointer.replace("/do/0/t/with", "")}: ${message}`,
  );
const rendered = (call: string, given: JsonObject, input: Json = {}) =>
  renderCallService(compileWorkflow(definition(call, given)).tasks[0] as CallServiceTask, input, { input }, { now: 0 });

const http = { http: { endpoint: "https://x.example" } };
const stdio = { stdio: { command: "npx" } };
const card = { endpoint: "https://x.example/card.json" };

const consume = { amount: 1 };
const api = { document: card, operation: "o" };

describe("given a call that is described wrongly, when the definition is checked, then it says so and where", () => {
  test.each<[string, string, JsonObject, string]>([
    ["a method of MCP", "mcp", { method: "tools/cal", transport: http }, "/method: `method` must be"],
    [
      "a method named after a member of every object",
      "mcp",
      { method: "constructor", transport: http },
      "/method: `method` must be",
    ],
    [
      "a tool without a name",
      "mcp",
      { method: "tools/call", transport: http },
      '/parameters: `parameters` of tools/call need "name"',
    ],
    ["no transport", "mcp", { method: "tools/list" }, ': the `with` of an MCP call needs "transport"'],
    [
      "two transports",
      "mcp",
      { method: "tools/list", transport: { ...http, ...stdio } },
      "/transport: `transport` is either",
    ],
    [
      "an option of no transport",
      "mcp",
      { method: "tools/list", transport: { ...http, options: { maxRetry: "1" } } },
      '/transport/options/maxRetry: not supported by this version: option "maxRetry" of MCP over http (it has maxRetries, initialReconnectionDelay, maxReconnectionDelay, reconnectionDelayGrowFactor)',
    ],
    [
      "an option of the other transport",
      "mcp",
      { method: "tools/list", transport: { ...stdio, options: { maxRetries: "1" } } },
      '/transport/options/maxRetries: not supported by this version: option "maxRetries" of MCP over stdio',
    ],
    [
      "an option with a value it cannot have",
      "mcp",
      { method: "tools/list", transport: { ...http, options: { maxRetries: "-1" } } },
      "/transport/options/maxRetries: `maxRetries` must be text: a whole number from 0 to 100",
    ],
    [
      "an option that is no text",
      "mcp",
      { method: "tools/list", transport: { ...stdio, options: { workingDirectory: 1 } } },
      "/transport/options/workingDirectory: `workingDirectory` must be text: an absolute path, not the number 1",
    ],
    [
      "an authentication that is not defined",
      "mcp",
      {
        method: "tools/list",
        transport: { http: { endpoint: { uri: "https://x.example", authentication: { use: "x" } } } },
      },
      '/transport/http/endpoint/authentication/use: "x" is not defined',
    ],
    ["a timeout", "mcp", { method: "tools/list", transport: http, timeout: "soon" }, "/timeout: the text"],
    [
      "a client without a version",
      "mcp",
      { method: "tools/list", transport: http, client: { name: "x" } },
      '/client: `client` needs "version"',
    ],
    ["no agent", "a2a", { method: "tasks/list" }, ': the `with` of an A2A call needs "agentCard" or "server"'],
    ["a method of A2A", "a2a", { method: "message/say", agentCard: card }, "/method: `method` must be"],
    [
      "no message",
      "a2a",
      { method: "message/send", agentCard: card },
      '/parameters: `parameters` of message/send need "message"',
    ],
    [
      "a card that is no URI",
      "a2a",
      { method: "tasks/list", agentCard: { endpoint: "card.json" } },
      "/agentCard/endpoint: an endpoint must be",
    ],
    ["no operation", "asyncapi", { document: card, message: {} }, ': the `with` of an AsyncAPI call needs "operation"'],
    [
      "neither message nor subscription",
      "asyncapi",
      { ...api },
      ': the `with` of an AsyncAPI call needs either "message"',
    ],
    [
      "a protocol nobody speaks here",
      "asyncapi",
      { ...api, message: {}, protocol: "nats" },
      "/protocol: not supported by this version: AsyncAPI over nats",
    ],
    [
      "a foreach that names one variable twice",
      "asyncapi",
      { ...api, subscription: { consume, foreach: { item: "x", at: "x" } } },
      "/subscription/foreach: the item and its index cannot both",
    ],
    [
      "no policy",
      "asyncapi",
      { ...api, subscription: { consume: { for: "PT1S" } } },
      "/subscription/consume: `consume` needs one",
    ],
    [
      "an amount",
      "asyncapi",
      { ...api, subscription: { consume: { amount: 0 } } },
      "/subscription/consume/amount: `amount` must be a whole number from 1",
    ],
    [
      "a filter that is no expression",
      "asyncapi",
      { ...api, subscription: { consume, filter: ".a" } },
      "/subscription/filter: must be one expression",
    ],
    [
      "a secret in a filter",
      "asyncapi",
      { ...api, subscription: { consume, filter: "${ $secrets.a }" } },
      "/subscription/filter: secrets can be read only",
    ],
  ])("%s", (_, call, given, issue) => {
    expect(issuesOf(call, given)).toEqual([expect.stringMatching(new RegExp(`^${escaped(issue)}`))]);
  });
});

test("given a subscription, when it is asked for, then conditions stay text, over the variables they read", () => {
  const subscription = {
    filter: "${ .payload.n == $input.n }",
    consume: { while: "${ length < $input.n }", for: "PT2S" },
  };
  expect(rendered("asyncapi", { ...api, subscription }, { n: 2 })).toMatchObject({
    operation: "o",
    subscription: { filter: ".payload.n == $input.n", while: "length < $input.n", forMs: 2_000 },
  });
});

const escaped = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

test("given a call of MCP, when it is asked for, then an executor gets what expressions give", () => {
  const given = {
    method: "tools/call",
    parameters: "${ { name: .tool, arguments: . } }",
    transport: {
      http: { endpoint: "https://x.example/{tool}", headers: { "x-tool": "${ .tool }", none: "${ null }" } },
    },
    timeout: { seconds: 5 },
    client: { name: "me", version: "1" },
  };
  expect(rendered("mcp", given, { tool: "add it" })).toEqual({
    method: "tools/call",
    parameters: { name: "add it", arguments: { tool: "add it" } },
    transport: { http: { endpoint: "https://x.example/add%20it", headers: { "x-tool": "add it" } } },
    timeoutMs: 5_000,
    client: { name: "me", version: "1" },
    protocolVersion: "2025-06-18",
  });
  expect(rendered("mcp", { method: "tools/list", transport: { stdio: { command: "npx", arguments: ["a"] } } })).toEqual(
    {
      method: "tools/list",
      parameters: {},
      transport: { stdio: { command: "npx", arguments: ["a"], environment: {} } },
      protocolVersion: "2025-06-18",
    },
  );
  const options = { maxRetries: "${ .n }", maxReconnectionDelay: "PT2S", initialReconnectionDelay: "${ null }" };
  expect(rendered("mcp", { method: "tools/list", transport: { ...http, options } }, { n: 3 })).toMatchObject({
    transport: { http: { endpoint: "https://x.example", headers: {}, maxRetries: 3, maxReconnectionDelayMs: 2_000 } },
  });
  const ofProgram = { workingDirectory: "/tmp", shutdownTimeout: "PT1S" };
  expect(rendered("mcp", { method: "tools/list", transport: { ...stdio, options: ofProgram } })).toMatchObject({
    transport: { stdio: { command: "npx", workingDirectory: "/tmp", shutdownTimeoutMs: 1_000 } },
  });
  expect(() => rendered("mcp", { method: "tools/list", transport: { ...http, options } }, { n: 1.5 })).toThrow(
    "`maxRetries` gave the number 1.5 instead of a whole number from 0 to 100",
  );
  expect(() => rendered("mcp", { method: "tools/list", transport: http, parameters: "${ 1 }" })).toThrow(
    "`parameters` gave the number 1 instead of an object",
  );
});

test("given an MCP server behind a login, when it is called, then what is recorded holds nothing of the policy", () => {
  const endpoint = { uri: "https://x.example", authentication: { bearer: { token: "canary" } } };
  const given = { method: "tools/list", transport: { http: { endpoint } } };
  expect(compileWorkflow(definition("mcp", given)).tasks[0]).toMatchObject({ authentication: { scheme: "Bearer" } });
  expect(JSON.stringify(rendered("mcp", given))).not.toContain("canary");
});

test("given an agent behind a login, when it is called, then what is recorded holds nothing of the policies", () => {
  const at = (uri: string, token: string) => ({ uri, authentication: { bearer: { token } } });
  const agentCard = { endpoint: at("https://a.example/card", "canary-1") };
  const server = at("https://a.example/rpc", "canary-2");
  const given = { method: "tasks/list", agentCard, server };
  const [task] = compileWorkflow(definition("a2a", given)).tasks;
  expect(task).toMatchObject({ authentication: { scheme: "Bearer" }, resourceAuthentication: { scheme: "Bearer" } });
  expect(JSON.stringify(rendered("a2a", given))).not.toContain("canary");
  const [alone] = compileWorkflow(definition("a2a", { method: "tasks/list", agentCard })).tasks;
  expect(alone).toMatchObject({ authentication: { scheme: "Bearer" }, resourceAuthentication: { scheme: "Bearer" } });
});

test("given a call of A2A, when it is asked for, then an executor gets what expressions give", () => {
  const given = {
    method: "message/send",
    agentCard: card,
    server: { uri: "https://{host}/rpc" },
    parameters: { message: { parts: [{ kind: "text", text: "${ .q }" }] } },
  };
  expect(rendered("a2a", given, { q: "how?", host: "a.example" })).toEqual({
    method: "message/send",
    agentCard: card,
    server: "https://a.example/rpc",
    parameters: { message: { parts: [{ kind: "text", text: "how?" }] } },
  });
});
