import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAuthenticator } from "../../../src/executors/auth/authenticator.ts";
import { agentOf } from "../../../src/executors/call-http.ts";
import { createServiceExecutors } from "../../../src/executors/services.ts";
import { isJsonObject, type JsonObject } from "../../../src/values/json.ts";
import { startAgent, type TestAgent } from "../../support/a2a-agent.ts";
import { activityContext } from "../../support/activity.ts";
import { resourcesOverHttp } from "../../support/resources.ts";

const POLICY = {
  allowPrivateNetwork: true,
  allowedHosts: [],
  maxResponseBytes: 100_000,
  documents: { maxFiles: 3, maxBytes: 100_000 },
  authenticator: createAuthenticator(agentOf({ allowPrivateNetwork: true, allowedHosts: [] })),
  processes: { allowed: [], limits: { timeoutMs: 1_000, memoryBytes: 1, outputBytes: 1 } },
};
const resources = resourcesOverHttp();
let services: ReturnType<typeof createServiceExecutors>;

beforeAll(() => {
  services = createServiceExecutors(POLICY);
});
afterAll(async () => {
  await services.close();
  await resources.close();
});

describe.each(["0.3", "1.0"] as const)("given an agent of A2A %s", (version) => {
  let agent: TestAgent;
  beforeAll(async () => {
    agent = await startAgent(version);
  });
  afterAll(() => agent.close());

  const call = async (method: string, parameters: JsonObject = {}, at: JsonObject = {}) => {
    const agentCard = { endpoint: `${agent.origin}/.well-known/agent-card.json` };
    const given = { method, parameters, ...(Object.keys(at).length === 0 ? { agentCard } : at) };
    return services.executors.a2a({ with: given }, activityContext({ resource: resources.resource }));
  };
  const output = async (...given: Parameters<typeof call>): Promise<JsonObject> => {
    const outcome = await call(...given);
    if (outcome.ok && isJsonObject(outcome.output)) return outcome.output;
    throw new Error(JSON.stringify(outcome));
  };
  const saying = (text: string) => ({ message: { parts: [{ kind: "text", text }] } });

  test("when a message is sent, then its answer is the output, in the form of 0.3", async () => {
    expect(await output("message/send", saying("hello"))).toMatchObject({
      kind: "message",
      role: "agent",
      parts: [{ kind: "text", text: "hi" }],
    });
    const { body = "", idempotencyKey } = agent.requests.at(-1) ?? {};
    expect(JSON.parse(body).params.message).toMatchObject({ messageId: "key-1" });
    expect(idempotencyKey).toBe("key-1");
  });

  test("when the call proves who it is, then the agent is told so, and one at another origin than the card's is not", async () => {
    const bearer = { bearer: { token: "token-1" } };
    const agentCard = { endpoint: `${agent.origin}/.well-known/agent-card.json` };
    const elsewhere = { endpoint: agentCard.endpoint.replace("127.0.0.1", "localhost") };
    const shown = async (at: JsonObject) => {
      const given = { method: "message/send", parameters: saying("hello"), ...at };
      const context = activityContext({ resource: resources.resource });
      const begun = agent.requests.length;
      expect(await services.executors.a2a({ with: given, authentication: bearer }, context)).toMatchObject({
        ok: true,
      });
      const asked = agent.requests.slice(begun).filter(({ body }) => body !== "");
      return new Set(asked.map(({ authorization }) => authorization));
    };
    expect(await shown({ agentCard })).toEqual(new Set(["Bearer token-1"]));
    expect(await shown({ agentCard, server: agent.origin })).toEqual(new Set(["Bearer token-1"]));
    expect(await shown({ agentCard: elsewhere })).toEqual(new Set([undefined]));
  });

  test("when it makes a task, then task, list and cancellation are to be had", async () => {
    const parts = [
      { kind: "text", text: "report" },
      { kind: "data", data: { kind: "text" } },
    ];
    const task = await output("message/send", { message: { parts }, configuration: { blocking: true } });
    expect(task).toMatchObject({
      kind: "task",
      status: { state: "completed" },
      artifacts: [
        {
          parts: [
            { kind: "text", text: "report" },
            { kind: "data", data: { kind: "report", n: 1 } },
            { kind: "file", file: { uri: "https://x.example/r.pdf", mimeType: "application/pdf" } },
          ],
        },
      ],
    });
    const id = task.id ?? "";
    expect(await output("tasks/get", { id, historyLength: 5 })).toMatchObject({ kind: "task", id });
    if (version === "1.0") {
      expect(await output("tasks/list", { status: "completed" })).toMatchObject({ tasks: [{ kind: "task", id }] });
    } else {
      expect(await call("tasks/list")).toMatchObject({ ok: false, error: { status: 500 } });
    }
    const waiting = await output("message/send", saying("wait"));
    expect(waiting).toMatchObject({ status: { state: "input-required" } });
    expect(await output("tasks/cancel", { id: waiting.id ?? "" })).toMatchObject({ status: { state: "canceled" } });
  });

  test("when a message is streamed, then the output is the list of events", async () => {
    expect(await call("message/stream", saying("report"))).toMatchObject({
      ok: true,
      output: [
        { kind: "task", status: { state: "working" } },
        {
          kind: "artifact-update",
          lastChunk: true,
          artifact: { parts: [{ kind: "text" }, { kind: "data" }, { kind: "file" }] },
        },
        { kind: "status-update", final: true, status: { state: "completed" } },
      ],
    });
  });

  test("when notifications are configured, then they can be read, listed and deleted", async () => {
    const { id = "" } = await output("message/send", saying("wait"));
    const pushNotificationConfig = { id: "p1", url: "https://x.example/hook", token: "t" };
    const set = await output("tasks/pushNotificationConfig/set", { taskId: id, pushNotificationConfig });
    expect(set).toMatchObject({ taskId: id, pushNotificationConfig });
    const one = { id, pushNotificationConfigId: "p1" };
    expect(await output("tasks/pushNotificationConfig/get", one)).toMatchObject({ pushNotificationConfig });
    expect(await call("tasks/pushNotificationConfig/list", { id })).toMatchObject({ output: [{ taskId: id }] });
    expect(await call("tasks/pushNotificationConfig/delete", one)).toEqual({ ok: true, output: null });
    expect(await call("tasks/pushNotificationConfig/list", { id })).toEqual({ ok: true, output: [] });
    // A task whose stream has ended is not streamed again.
    expect(await call("tasks/resubscribe", { id: "none" })).toMatchObject({ ok: false, error: { status: 500 } });
  });

  test("when its own card is asked for, then that is the output", async () => {
    expect(await output("agent/getAuthenticatedExtendedCard")).toMatchObject({ name: "test" });
  });

  test("when only its server is known, then it is asked all the same", async () => {
    expect(await output("message/send", saying("hello"), { server: `${agent.origin}/rpc` })).toMatchObject({
      kind: "message",
    });
  });

  test("when it refuses, then that is runtime 500 with its message", async () => {
    expect(await call("tasks/get", { id: "none" })).toMatchObject({
      ok: false,
      error: {
        type: "https://serverlessworkflow.io/spec/1.0.0/errors/runtime",
        detail: expect.stringMatching(/^A2A tasks\/get failed: .*not found/i),
      },
    });
  });
});
