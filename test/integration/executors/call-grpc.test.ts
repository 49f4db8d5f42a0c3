import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createAuthenticator } from "../../../src/executors/auth/authenticator.ts";
import { createGrpcExecutor } from "../../../src/executors/call-grpc.ts";
import { agentOf } from "../../../src/executors/call-http.ts";
import type { ActivityContext } from "../../../src/ports/executor.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";
import { problemOf } from "../../../src/values/problem.ts";
import { activityContext } from "../../support/activity.ts";
import { GREETER, startGrpcServer, type TestGrpcServer } from "../../support/grpc-server.ts";
import { type Ledger, startLedger } from "../../support/ledger.ts";

let server: TestGrpcServer;
let idp: Ledger;
const agent = agentOf({ allowPrivateNetwork: true, allowedHosts: [] });
const policy = {
  allowPrivateNetwork: true,
  allowedHosts: [] as string[],
  maxResponseBytes: 2_000,
  authenticator: createAuthenticator(agent),
};

beforeAll(async () => {
  [server, idp] = await Promise.all([startGrpcServer(), startLedger()]);
});
afterEach(() => {
  server.demand(null);
  idp.clear();
});
afterAll(async () => {
  server.close();
  await idp.close();
  await agent.close();
});

interface Given {
  readonly with?: JsonObject;
  readonly authentication?: JsonObject;
  readonly proto?: string;
  readonly context?: Partial<ActivityContext>;
  readonly policy?: Partial<typeof policy> & {
    readonly resolve?: () => Promise<{ address: string; family: number }[]>;
  };
}
function call(method: string, args: JsonObject | readonly JsonObject[] | undefined, given: Given = {}) {
  const resource: ActivityContext["resource"] = async (_, unfit) => {
    const content = given.proto ?? GREETER;
    const wrong = unfit(content);
    return wrong === undefined ? { ok: true, content } : { ok: false, error: problemOf("configuration", wrong) };
  };
  const place = { proto: "file://greet.proto", service: "greet.v1.Greeter", host: "127.0.0.1", port: server.port };
  return createGrpcExecutor({ ...policy, ...given.policy })(
    {
      with: { ...place, method, ...(args === undefined ? {} : { arguments: args as Json }), ...given.with },
      ...(given.authentication === undefined ? {} : { authentication: given.authentication }),
    },
    activityContext({ resource, ...given.context }),
  );
}
const failure = (kind: string, status: number, detail: unknown) => ({
  ok: false,
  error: expect.objectContaining({ type: `https://serverlessworkflow.io/spec/1.0.0/errors/${kind}`, status, detail }),
});

test("given a unary method, when it is called, then its message comes back as JSON, with what identifies the call sent along", async () => {
  const at = { seconds: 5, nanos: 7 };
  expect(await call("SayHello", { name: "Ada", count: "9007199254740993", seal: "aGk=", at })).toEqual({
    ok: true,
    output: {
      text: "Hello Ada",
      big_number: "9007199254740993",
      seal: "aGk=",
      list: [],
      at: { seconds: "5", nanos: 7 },
    },
  });
  expect(server.calls.at(-1)).toMatchObject({ deadline: null, metadata: { "idempotency-key": "key-1" } });
});

test("given a stream of a server, when it is called, then its messages are a list, up to the limit", async () => {
  const texts = [0, 1, 2].map((i) => expect.objectContaining({ text: `hi ${i}` }));
  expect(await call("Repeat", { name: "hi", count: 3 })).toEqual({ ok: true, output: texts });
  expect(await call("Repeat", { name: "hi", count: 0 })).toEqual({ ok: true, output: [] });
  expect(await call("Repeat", { name: "hi", count: 500 })).toEqual(
    failure("communication", 500, expect.stringContaining("HTTP_MAX_RESPONSE_BYTES")),
  );
  expect(await call("Repeat", { name: "broken", count: 1 })).toEqual(
    failure("communication", 500, expect.stringContaining("DATA_LOSS (15): lost")),
  );
});

describe("given a stream of the client, when it is called", () => {
  const names = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `n${i}` }));
  const said = (text: string, list: readonly string[]) => ({
    ok: true,
    output: expect.objectContaining({ text, list }),
  });

  test.each<[string, JsonObject | readonly JsonObject[] | undefined, ReturnType<typeof said>]>([
    ["a list is sent in order", [{ name: "b" }, { name: "a" }], said("2 names", ["b", "a"])],
    ["one message is one", { name: "a" }, said("1 names", ["a"])],
    ["an empty list, or nothing, is none", [], said("0 names", [])],
    ["a long one is sent whole", names(5_000), said("5000 names", ["n0", "n1", "n2", "n3", "n4"])],
    ["a server that has heard enough answers", [{ name: "enough" }, ...names(5_000)], said("after 1", [])],
  ])("then %s", async (_, messages, expected) => {
    expect(await call("Collect", messages)).toEqual(expected);
  });

  test("then nothing given is no message, and the server is told what identifies the call", async () => {
    expect(await call("Collect", undefined)).toEqual(said("0 names", []));
    expect(server.calls.at(-1)?.metadata).toMatchObject({ "idempotency-key": "key-1" });
  });

  test("then its status is the error, and a message that does not fit keeps all of them from being sent", async () => {
    expect(await call("Collect", [{ name: "fail" }, ...names(5_000)])).toEqual(
      failure("communication", 400, expect.stringContaining("FAILED_PRECONDITION (9): no more")),
    );
    const known = server.calls.length;
    expect(await call("Collect", [{ name: "a" }, { nmae: "b" }])).toEqual(
      failure("validation", 400, expect.stringContaining('"nmae"')),
    );
    expect(await call("Collect", [{ name: "a" }, { at: "noon" }])).toEqual(
      failure("validation", 400, "call grpc: Collect: /at: a message Timestamp is an object"),
    );
    expect(server.calls).toHaveLength(known);
  });

  test("then a deadline ends it, an abort cancels it, and a refused login is tried once more with all of it", async () => {
    expect(await call("Collect", [{ name: "hang" }], { context: { remainingMs: 200 } })).toEqual(
      failure("timeout", 408, expect.stringContaining("DEADLINE_EXCEEDED")),
    );
    const controller = new AbortController();
    const reason = new Error("not owed any more");
    const known = server.calls.length;
    const outcome = call("Collect", [{ name: "hang" }], { context: { signal: controller.signal } });
    await expect.poll(() => server.calls.length).toBe(known + 1);
    controller.abort(reason);
    await expect(outcome).rejects.toBe(reason);
    await expect.poll(() => server.calls.at(-1)?.cancelled).toBe(true);
    idp.answer((_, response) =>
      response
        .writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify({ access_token: `s${idp.entries.length}`, token_type: "Bearer", expires_in: 600 })),
    );
    server.demand("Bearer s2");
    const oauth2 = { authority: idp.origin, grant: "client_credentials", client: { id: "stream", secret: "b" } };
    expect(await call("Collect", names(3), { authentication: { oauth2 } })).toEqual(
      said("3 names", ["n0", "n1", "n2"]),
    );
  });
});

describe("given streams in both directions, when they are called", () => {
  test("then the messages of the server are a list, up to the limit", async () => {
    const messages = [
      { name: "a", count: 2 },
      { name: "b", count: 1 },
    ];
    expect(await call("Converse", messages)).toEqual({
      ok: true,
      output: ["a 0", "a 1", "b 0"].map((text) => expect.objectContaining({ text })),
    });
    expect(await call("Converse", [])).toEqual({ ok: true, output: [] });
    expect(await call("Converse", [{ name: "hi", count: 500 }])).toEqual(
      failure("communication", 500, expect.stringContaining("HTTP_MAX_RESPONSE_BYTES")),
    );
    expect(await call("Converse", [{ name: "broken", count: 1 }])).toEqual(
      failure("communication", 500, expect.stringContaining("DATA_LOSS (15): lost")),
    );
  });

  test("then an abort cancels them", async () => {
    const controller = new AbortController();
    const reason = new Error("not owed any more");
    controller.abort(reason);
    await expect(call("Converse", [{ name: "a" }], { context: { signal: controller.signal } })).rejects.toBe(reason);
  });
});

describe("given a status of gRPC, when a call ends with it, then the error has the HTTP status that stands for it", () => {
  test.each([
    [3, 400],
    [5, 404],
    [6, 409],
    [7, 403],
    [8, 429],
    [12, 501],
    [13, 500],
    [14, 503],
    [16, 401],
  ])("%i is %i", async (code, status) => {
    expect(await call("SayHello", { name: `fail-${code}` })).toEqual(
      failure("communication", status, expect.stringMatching(`^greet.v1.Greeter/SayHello at .*\\(${code}\\): no fail`)),
    );
  });
});

test("given a deadline, when it passes, then the server knew of it and the error is the timeout; an abort cancels the call", async () => {
  const before = Date.now();
  expect(await call("SayHello", { name: "hang" }, { context: { remainingMs: 200 } })).toEqual(
    failure("timeout", 408, expect.stringContaining("DEADLINE_EXCEEDED")),
  );
  expect(server.calls.at(-1)?.deadline).toBeGreaterThanOrEqual(before);
  const controller = new AbortController();
  const reason = new Error("not owed any more");
  const known = server.calls.length;
  const outcome = call("SayHello", { name: "hang" }, { context: { signal: controller.signal } });
  await expect.poll(() => server.calls.length).toBe(known + 1);
  controller.abort(reason);
  await expect(outcome).rejects.toBe(reason);
  await expect.poll(() => server.calls.at(-1)?.cancelled).toBe(true);
});

test("given authentication, when a call is made, then it is metadata; a token that is refused is got anew once", async () => {
  server.demand(`Basic ${btoa("jane:door")}`);
  expect(
    await call("SayHello", { name: "x" }, { authentication: { basic: { username: "jane", password: "door" } } }),
  ).toMatchObject({
    ok: true,
  });
  expect(await call("SayHello", { name: "x" }, { authentication: { bearer: { token: "wrong" } } })).toEqual(
    failure("communication", 401, expect.stringContaining("UNAUTHENTICATED")),
  );
  idp.answer((_, response) =>
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ access_token: `t${idp.entries.length}`, token_type: "Bearer", expires_in: 600 })),
  );
  server.demand("Bearer t2");
  const oauth2 = { authority: idp.origin, grant: "client_credentials", client: { id: "a", secret: "b" } };
  expect(await call("SayHello", { name: "x" }, { authentication: { oauth2 } })).toMatchObject({ ok: true });
  expect(idp.entries).toHaveLength(2);
});

describe("given what cannot be called, when it is, then the error says why", () => {
  test.each<[string, () => ReturnType<typeof call>, unknown]>([
    [
      "a proto that is none",
      () => call("SayHello", {}, { proto: "hello" }),
      failure("configuration", 400, expect.stringContaining("illegal")),
    ],
    [
      "a proto of several files",
      () => call("SayHello", {}, { proto: `syntax = "proto3"; import "other.proto";` }),
      failure("configuration", 400, expect.stringContaining("imports other.proto")),
    ],
    [
      "another service",
      () => call("SayHello", {}, { with: { service: "greet.Other" } }),
      failure("configuration", 400, expect.stringContaining("it has greet.v1.Greeter")),
    ],
    [
      "another method",
      () => call("SayBye", {}),
      failure("configuration", 400, expect.stringContaining("it has SayHello, Repeat, Collect, Converse")),
    ],
    [
      "a list for one message",
      () => call("SayHello", [{ name: "x" }]),
      failure("validation", 400, expect.stringContaining("takes one message, not a list")),
    ],
    [
      "an unknown argument",
      () => call("SayHello", { nmae: "x" }),
      failure("validation", 400, expect.stringContaining('"nmae"')),
    ],
    [
      "a private address",
      () =>
        call(
          "SayHello",
          { name: "x" },
          {
            with: { host: "inner.example" },
            policy: { allowPrivateNetwork: false, resolve: async () => [{ address: "127.0.0.1", family: 4 }] },
          },
        ),
      failure("authorization", 403, expect.stringContaining("inner.example")),
    ],
    [
      "a host that is not known",
      () =>
        call(
          "SayHello",
          { name: "x" },
          {
            with: { host: "nowhere.example" },
            policy: { resolve: () => Promise.reject(Object.assign(new Error("x"), { code: "ENOTFOUND" })) },
          },
        ),
      failure("communication", 500, expect.stringContaining("the host was not found")),
    ],
    [
      "a port where nobody listens",
      () => call("SayHello", { name: "x" }, { with: { port: 1 } }),
      failure("communication", 503, expect.stringContaining("UNAVAILABLE")),
    ],
  ])("%s", async (_, act, expected) => {
    expect(await act()).toEqual(expected);
  });
});
