import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createHttpExecutor, type HttpExecutor } from "../../../src/executors/call-http.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";
import { activityContext } from "../../support/activity.ts";
import { type Ledger, type LedgerHandler, startLedger } from "../../support/ledger.ts";

const LIMIT = 100_000;
let ledger: Ledger;
let execute: HttpExecutor;

beforeAll(async () => {
  ledger = await startLedger();
  execute = createHttpExecutor({ allowPrivateNetwork: true, allowedHosts: [], maxResponseBytes: LIMIT });
});
afterEach(() => ledger.clear());
afterAll(async () => {
  await execute.close();
  await ledger.close();
});

const call = (given: JsonObject = {}, context = activityContext()) =>
  execute({ with: { method: "GET", endpoint: `${ledger.origin}/`, ...given } }, context);

/** Answers every request with this. */
const answering =
  (status: number, headers: Record<string, string>, body: string | Buffer = ""): LedgerHandler =>
  (_, response) =>
    response.writeHead(status, headers).end(body);

const failure = (kind: string, status: number, detail: unknown = expect.any(String)) => ({
  ok: false,
  error: expect.objectContaining({ type: `https://serverlessworkflow.io/spec/1.0.0/errors/${kind}`, status, detail }),
});

describe("given what an author writes", () => {
  test("when method, headers, query and body are given, then the server gets them with our own headers", async () => {
    await call({
      method: "post",
      endpoint: `${ledger.origin}/orders?keep=1&tag=old`,
      headers: { "X-Number": 7, "X-Flag": true, "X-None": null },
      query: { tag: ["a b", "ü&"], none: null, size: 2 },
      body: { id: 1 },
    });
    expect(ledger.entries).toMatchObject([
      {
        method: "POST",
        url: "/orders?keep=1&tag=a+b&tag=%C3%BC%26&size=2",
        body: '{"id":1}',
        headers: {
          "x-number": "7",
          "x-flag": "true",
          "content-type": "application/json",
          "idempotency-key": "key-1",
          "user-agent": "durabull",
          "accept-encoding": "gzip, deflate, br",
        },
      },
    ]);
    expect(ledger.entries[0]?.headers).not.toHaveProperty("x-none");
  });

  test("when the author sets our headers in any case, then the author's win", async () => {
    await call({ headers: { "IDEMPOTENCY-KEY": "mine", "user-agent": "me", "Accept-Encoding": "identity" } });
    expect(ledger.entries[0]?.headers).toMatchObject({
      "idempotency-key": "mine",
      "user-agent": "me",
      "accept-encoding": "identity",
    });
  });

  test.each<[string, Json, string | undefined, string, string | undefined]>([
    ["an array", [1, 2], undefined, "[1,2]", "application/json"],
    ["false", false, undefined, "false", "application/json"],
    ["null", null, undefined, "", undefined],
    ["a string", "a,b\n", undefined, "a,b\n", "text/plain;charset=UTF-8"],
    ["a string with its type", "a,b\n", "text/csv", "a,b\n", "text/csv"],
    [
      "an object with another JSON type",
      { a: 1 },
      "application/merge-patch+json",
      '{"a":1}',
      "application/merge-patch+json",
    ],
    [
      "an object as a form",
      { a: "x y", b: [1, 2] },
      "application/x-www-form-urlencoded",
      "a=x+y&b=1&b=2",
      "application/x-www-form-urlencoded",
    ],
  ])("when the body is %s, then it is sent in its form", async (_, body, type, sent, sentType) => {
    await call({ method: "PUT", body, headers: { "Content-Type": type ?? null } });
    expect([ledger.entries[0]?.body, ledger.entries[0]?.headers["content-type"]]).toEqual([sent, sentType]);
  });

  test.each<[string, () => Json]>([["a user in the URL", () => ledger.origin.replace("//", "//jane:p%3Aw@")]])(
    "when there is %s, then it is sent as an Authorization header",
    async (_, endpoint) => {
      await call({ endpoint: endpoint() });
      expect(ledger.entries[0]?.headers.authorization).toBe(`Basic ${Buffer.from("jane:p:w").toString("base64")}`);
    },
  );

  test.each<[string, Json]>([
    ["no object", "text"],
    ["no method", { endpoint: "http://127.0.0.1/" }],
    ["an odd method", { method: "GE T", endpoint: "http://127.0.0.1/" }],
    ["CONNECT", { method: "connect", endpoint: "http://127.0.0.1/" }],
    ["no endpoint", { method: "GET" }],
    ["a relative endpoint", { method: "GET", endpoint: "/orders" }],
    [
      "a header that splits the request",
      { method: "GET", endpoint: "http://127.0.0.1/", headers: { "x-a": "1\r\nx-b: 2" } },
    ],
    ["a header name with a space", { method: "GET", endpoint: "http://127.0.0.1/", headers: { "x a": "1" } }],
    ["a header of the client", { method: "GET", endpoint: "http://127.0.0.1/", headers: { Host: "other" } }],
    ["a header that is an object", { method: "GET", endpoint: "http://127.0.0.1/", headers: { x: {} } }],
    ["a query that is a string", { method: "GET", endpoint: "http://127.0.0.1/", query: "a=1" }],
    ["an unknown output form", { method: "GET", endpoint: "http://127.0.0.1/", output: "all" }],
    ["redirect as text", { method: "GET", endpoint: "http://127.0.0.1/", redirect: "yes" }],
    ["an unknown member", { method: "GET", endpoint: "http://127.0.0.1/", retries: 3 }],
  ])("when there is %s, then it is a configuration error", async (_, given) => {
    expect(await execute({ with: given }, activityContext())).toEqual(failure("configuration", 400));
    expect(ledger.entries).toEqual([]);
  });
});

describe("given what a server answers", () => {
  test.each<[string, string, string | Buffer, Json]>([
    ["JSON", "application/json", '{"a":[1,null]}', { a: [1, null] }],
    ["JSON of a vendor", "application/vnd.x+json; charset=utf-8", "[1]", [1]],
    ["a problem", "application/problem+json", '{"status":1}', { status: 1 }],
    ["broken JSON", "application/json", "{a}", "{a}"],
    ["text", "text/plain", "héllo", "héllo"],
    ["text in latin-1", "text/plain; charset=iso-8859-1", Buffer.from("h\u00e9", "latin1"), "hé"],
    ["XML", "application/atom+xml", "<a/>", "<a/>"],
    ["bytes", "application/octet-stream", Buffer.from([0, 255, 1]), "AP8B"],
    ["an image", "image/png", Buffer.from([137, 80]), "iVA="],
    ["nothing", "application/json", "", null],
    ["JSON without a type", "", '{"a":1}', { a: 1 }],
    ["text without a type", "", "hello", "hello"],
    ["bytes without a type", "", Buffer.from([255, 254, 0]), "//4A"],
    [
      "JSON that names __proto__",
      "application/json",
      '{"__proto__":{"polluted":1}}',
      JSON.parse('{"__proto__":{"polluted":1}}'),
    ],
  ])("when it is %s, then the content is deserialised when possible", async (_, type, body, content) => {
    ledger.answer(answering(200, type === "" ? {} : { "content-type": type }, body));
    expect(await call()).toEqual({ ok: true, output: content });
    expect({}).not.toHaveProperty("polluted");
  });

  test("when the output is raw, then it is base64 of the bytes", async () => {
    ledger.answer(answering(200, { "content-type": "application/json" }, "{ }"));
    expect(await call({ output: "raw" })).toEqual({ ok: true, output: "eyB9" });
  });

  test("when the output is the response, then request and response stand in it, without what is named like a secret", async () => {
    ledger.answer(answering(201, { "content-type": "application/json", "x-id": "9" }, '{"id":9}'));
    const outcome = await call({
      method: "POST",
      output: "response",
      endpoint: `${ledger.origin.replace("//", "//u:canary@")}/o?api_key=canary&page=2`,
      headers: { "X-Api-Key": "canary", Cookie: "session=canary", "X-Trace": "t" },
    });
    expect(outcome).toMatchObject({
      ok: true,
      output: {
        request: {
          method: "POST",
          uri: `${ledger.origin}/o?api_key=***&page=2`,
          headers: {
            "x-api-key": "***",
            cookie: "***",
            authorization: "***",
            "x-trace": "t",
            "idempotency-key": "key-1",
          },
        },
        statusCode: 201,
        headers: { "x-id": "9" },
        content: { id: 9 },
      },
    });
    expect(JSON.stringify(outcome)).not.toContain("canary");
  });

  test.each([200, 204, 299])("when the status is %i, then it is accepted", async (status) => {
    ledger.answer(answering(status, {}));
    expect(await call()).toEqual({ ok: true, output: null });
  });

  test.each([300, 301, 304, 400, 401, 404, 418, 500, 503, 599])(
    "when the status is %i, then it is a communication error with that status",
    async (status) => {
      ledger.answer(answering(status, { "content-type": "text/plain" }, "why"));
      expect(await call()).toEqual(failure("communication", status, expect.stringContaining(`answered ${status}`)));
    },
  );

  test("when an error has a long body, then its start is in the detail and the rest is not read", async () => {
    ledger.answer((_, response) => {
      response.writeHead(500, { "content-type": "text/plain" });
      response.write(`reason ${"x".repeat(50_000)}`);
    });
    const outcome = await call();
    expect(outcome).toEqual(
      failure("communication", 500, expect.stringContaining("answered 500 Internal Server Error: reason xxx")),
    );
    expect(outcome.ok || (outcome.error.detail ?? "").length).toBeLessThan(1_200);
  });

  test("when a call fails, then no part of its URL, headers or body that may be secret is in the error", async () => {
    const secret = { headers: { authorization: "canary" }, body: "canary", method: "POST" };
    const endpoint = `${ledger.origin.replace("//", "//canary:canary@")}/canary?canary=canary`;
    ledger.answer(answering(500, {}));
    const refused = await call({ ...secret, endpoint });
    ledger.answer((_, response) => response.destroy());
    const broken = await call({ ...secret, endpoint });
    expect([refused, broken]).toEqual([failure("communication", 500), failure("communication", 500)]);
    expect(JSON.stringify([refused, broken])).not.toContain("canary");
  });
});

describe("given a compressed answer", () => {
  const text = JSON.stringify({ text: "héllo ".repeat(1_000) });
  test.each<[string, Buffer]>([
    ["gzip", gzipSync(text)],
    ["x-gzip", gzipSync(text)],
    ["deflate", deflateSync(text)],
    ["deflate", deflateRawSync(text)],
    ["br", brotliCompressSync(text)],
    ["identity", Buffer.from(text)],
    ["gzip, br", brotliCompressSync(gzipSync(text))],
  ])("when its encoding is %s, then it is undone", async (encoding, body) => {
    ledger.answer(answering(200, { "content-type": "application/json", "content-encoding": encoding }, body));
    expect(await call()).toEqual({ ok: true, output: JSON.parse(text) });
  });

  test.each<[string, Buffer]>([
    ["gzip", gzipSync(Buffer.alloc(50_000_000))],
    ["br", brotliCompressSync(Buffer.alloc(50_000_000))],
    ["gzip, gzip", gzipSync(gzipSync(Buffer.alloc(50_000_000)))],
  ])("when it is a bomb in %s, then it is stopped at the limit, which the error names", async (encoding, body) => {
    ledger.answer(answering(200, { "content-encoding": encoding }, body));
    const before = process.memoryUsage().arrayBuffers;
    expect(await call()).toEqual(
      failure("communication", 500, expect.stringMatching(/longer than 100000 bytes \(HTTP_MAX_RESPONSE_BYTES\)/)),
    );
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(25_000_000);
  });

  test.each<[string, string, Buffer]>([
    ["is no gzip", "gzip", Buffer.from("plain text")],
    ["is cut off", "gzip", gzipSync(text).subarray(0, 30)],
    ["is no brotli", "br", Buffer.from("\u00ff\u00ff\u00ff plain")],
    ["has an unknown encoding", "zstd", Buffer.from("x")],
    ["is compressed too often", "gzip, gzip, gzip, gzip", Buffer.from("x")],
  ])("when it %s, then it is a communication error", async (_, encoding, body) => {
    ledger.answer(answering(200, { "content-encoding": encoding }, body));
    expect(await call()).toEqual(failure("communication", 500));
  });

  test("when it answers HEAD, then there is no body to undo", async () => {
    ledger.answer(answering(200, { "content-encoding": "gzip", "content-length": "20" }));
    expect(await call({ method: "HEAD" })).toEqual({ ok: true, output: null });
  });
});

describe("given the limit of a body", () => {
  test.each([
    [LIMIT, true],
    [LIMIT + 1, false],
  ])("when it has %i bytes, then accepted is %s", async (size, accepted) => {
    ledger.answer(answering(200, { "content-type": "text/plain" }, "x".repeat(size)));
    expect((await call()).ok).toBe(accepted);
  });

  test("when a body never ends, then the call fails at the limit and the connection is closed", async () => {
    const closed = new Promise((resolve) => {
      ledger.answer((_, response) => {
        response.on("close", resolve);
        response.writeHead(200, { "content-type": "text/plain" });
        const more = () => {
          while (!response.destroyed && response.write("x".repeat(10_000)));
        };
        response.on("drain", more);
        more();
      });
    });
    expect(await call()).toEqual(failure("communication", 500, expect.stringContaining("HTTP_MAX_RESPONSE_BYTES")));
    await closed;
  });

  test("when a number is larger than any that can be kept, then it is a communication error; large ones are kept", async () => {
    ledger.answer(answering(200, { "content-type": "application/json" }, '{"a":[1e999]}'));
    expect(await call()).toEqual(failure("communication", 500, expect.stringContaining("larger than any")));
    ledger.answer(answering(200, { "content-type": "application/json" }, '{"a":[1e300],"b":"1e999"}'));
    expect(await call()).toMatchObject({ ok: true, output: { a: [1e300], b: "1e999" } });
  });

  test("when JSON is nested too deep to be kept, then it is a communication error", async () => {
    ledger.answer(answering(200, { "content-type": "application/json" }, "[".repeat(40_000) + "]".repeat(40_000)));
    expect(await call()).toEqual(failure("communication", 500, expect.stringContaining("nested too deep")));
  });
});

describe("given redirections", () => {
  /** `/5` goes to `/4` … `/0` answers "there". */
  const countdown: LedgerHandler = ({ url }, response) => {
    const left = Number(url.slice(1));
    if (left === 0) response.writeHead(200, { "content-type": "text/plain" }).end("there");
    else response.writeHead(302, { location: `/${left - 1}` }).end("moved");
  };

  test("when they are not asked for, then the status is a communication error that says how to follow", async () => {
    ledger.answer(countdown);
    expect(await call({ endpoint: `${ledger.origin}/1` })).toEqual(
      failure("communication", 302, expect.stringContaining("redirect: true")),
    );
    expect(ledger.entries).toHaveLength(1);
  });

  test.each([
    ["304 Not Modified", 304, { etag: '"a"' }],
    ["204 No Content", 204, { etag: '"a"' }],
  ])(
    "when the answer is %s with the length of another body, then it is taken without one",
    async (line, statusCode, headers) => {
      const server = createServer((socket) => {
        socket.once("data", () => socket.write(`HTTP/1.1 ${line}\r\nContent-Length: 10\r\nETag: "a"\r\n\r\n`));
        socket.on("error", () => {});
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const endpoint = `http://127.0.0.1:${port}/`;
      const asked = { endpoint, redirect: true, output: "response", headers: { "if-none-match": '"a"' } };
      expect(await call(asked)).toMatchObject({ ok: true, output: { statusCode, headers, content: null } });
      server.close();
    },
  );

  test("when there are five, then they are followed; the sixth is not", async () => {
    ledger.answer(countdown);
    expect(await call({ endpoint: `${ledger.origin}/5`, redirect: true })).toEqual({ ok: true, output: "there" });
    ledger.clear();
    ledger.answer(countdown);
    expect(await call({ endpoint: `${ledger.origin}/6`, redirect: true })).toEqual(
      failure("communication", 302, expect.stringContaining("more than 5")),
    );
    expect(ledger.entries).toHaveLength(6);
  });

  test.each([
    [301, "POST", "GET", ""],
    [302, "POST", "GET", ""],
    [303, "POST", "GET", ""],
    [303, "PUT", "GET", ""],
    [307, "POST", "POST", '{"a":1}'],
    [308, "PUT", "PUT", '{"a":1}'],
    [301, "PUT", "PUT", '{"a":1}'],
  ])("when %i answers %s, then %s is sent on with body %o", async (status, method, nextMethod, nextBody) => {
    ledger.answer((entry, response) =>
      entry.url === "/" ? response.writeHead(status, { location: "next?x=1" }).end() : response.writeHead(204).end(),
    );
    expect(await call({ method, body: { a: 1 }, redirect: true, query: {} })).toEqual({ ok: true, output: null });
    const next = ledger.entries[1];
    expect([next?.method, next?.url, next?.body]).toEqual([nextMethod, "/next?x=1", nextBody]);
    expect(next?.headers["content-type"]).toBe(nextBody === "" ? undefined : "application/json");
  });

  test("when one leads to another origin, then what the author set stays behind; on the same origin it goes along", async () => {
    const other = await startLedger();
    try {
      ledger.answer((entry, response) =>
        response.writeHead(307, { location: entry.url === "/" ? "/same" : `${other.origin}/other` }).end(),
      );
      const headers = {
        Authorization: "Bearer canary",
        Cookie: "canary",
        "X-Api-Key": "canary",
        "Accept-Language": "de",
      };
      await call({ headers, redirect: true });
      const sent = { authorization: "Bearer canary", cookie: "canary", "x-api-key": "canary" };
      expect(ledger.entries.map((entry) => entry.headers)).toMatchObject([sent, sent]);
      expect(other.entries[0]?.headers).toMatchObject({ "accept-language": "de", "idempotency-key": "key-1" });
      expect(JSON.stringify(other.entries)).not.toContain("canary");
    } finally {
      await other.close();
    }
  });

  test.each([
    [301, "PUT"],
    [302, "PATCH"],
    [307, "POST"],
    [308, "POST"],
  ])("when %i sends a %s with a body to another origin, then it is refused", async (status, method) => {
    const other = await startLedger();
    try {
      ledger.answer(answering(status, { location: `${other.origin}/other` }));
      expect(await call({ method, body: { key: "canary" }, redirect: true })).toEqual(
        failure(
          "communication",
          status,
          expect.stringContaining("with a body to another origin, which is not followed"),
        ),
      );
      expect(other.entries).toEqual([]);
    } finally {
      await other.close();
    }
  });

  test("when 303 sends a POST to another origin, then a GET without the body goes there", async () => {
    const other = await startLedger();
    try {
      ledger.answer(answering(303, { location: `${other.origin}/other` }));
      const outcome = await call({ method: "POST", body: { key: "canary" }, redirect: true });
      expect(outcome).toMatchObject({ ok: true });
      expect(other.entries).toMatchObject([{ method: "GET", url: "/other", body: "" }]);
    } finally {
      await other.close();
    }
  });

  test.each([
    [304, {}],
    [300, { location: "/x" }],
    [302, {}],
  ])("when %i with %o leads nowhere, then it is accepted as it is", async (status, headers: Record<string, string>) => {
    ledger.answer(answering(status, headers));
    expect(await call({ redirect: true })).toEqual({ ok: true, output: null });
    expect(ledger.entries).toHaveLength(1);
  });

  test.each(["ftp://127.0.0.1/", "http://", "file:///etc/passwd"])(
    "when one leads to %s, then it is refused with the status",
    async (location) => {
      ledger.answer(answering(301, { location }));
      expect(await call({ redirect: true })).toEqual(failure("communication", 301));
    },
  );
});

describe("given a broken network", () => {
  test("when nobody listens, then the error says so", async () => {
    const gone = await startLedger();
    await gone.close();
    expect(await call({ endpoint: gone.origin })).toEqual(
      failure("communication", 500, `GET ${gone.origin}: the connection was refused (ECONNREFUSED)`),
    );
  });

  test("when a host does not exist, then the error says so", async () => {
    const resolve = async () => {
      throw Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
    };
    const strict = createHttpExecutor({
      allowPrivateNetwork: true,
      allowedHosts: [],
      maxResponseBytes: LIMIT,
      resolve,
    });
    const outcome = await strict({ with: { method: "GET", endpoint: "http://nowhere.example/" } }, activityContext());
    await strict.close();
    expect(outcome).toEqual(
      failure("communication", 500, "GET http://nowhere.example: the host was not found (ENOTFOUND)"),
    );
  });

  test.each<[string, string]>([
    ["what is sent is not HTTP", "SSH-2.0-OpenSSH\r\n"],
    ["the answer stops in its headers", "HTTP/1.1 200 OK\r\ncontent-le"],
    ["the answer stops in its body", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"],
  ])("when %s, then it is a communication error", async (_, bytes) => {
    const server = createServer((socket) => {
      socket.once("data", () => socket.end(bytes));
      socket.on("error", () => {});
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    expect(await call({ endpoint: `http://127.0.0.1:${port}/` })).toEqual(failure("communication", 500));
    server.close();
  });
});

describe("given a signal", () => {
  const reason = new Error("no longer owed");

  test("when it has aborted already, then nothing is sent", async () => {
    await expect(call({}, activityContext({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    expect(ledger.entries).toEqual([]);
  });

  test.each<[string, LedgerHandler]>([
    ["before the answer", () => {}],
    [
      "in the middle of the body",
      (_, response) => {
        response.writeHead(200, { "content-type": "text/plain" }).write("part");
      },
    ],
    [
      "in the middle of the body of an error",
      (_, response) => {
        response.writeHead(500).write("part");
      },
    ],
  ])("when it aborts %s, then the call throws its reason and the connection is closed", async (_, handler) => {
    const abort = new AbortController();
    const closed = new Promise((resolve) => {
      ledger.answer((entry, response) => {
        response.on("close", resolve);
        handler(entry, response);
        setTimeout(() => abort.abort(reason), 20);
      });
    });
    await expect(call({}, activityContext({ signal: abort.signal }))).rejects.toBe(reason);
    await closed;
  });
});
