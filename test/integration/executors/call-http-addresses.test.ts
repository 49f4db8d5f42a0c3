import { setImmediate } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createHttpExecutor, type HttpPolicy } from "../../../src/executors/call-http.ts";
import { activityContext } from "../../support/activity.ts";
import { type Ledger, startLedger } from "../../support/ledger.ts";

let ledger: Ledger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterEach(() => ledger.clear());
afterAll(() => ledger.close());

const loopback = async () => [{ address: "127.0.0.1", family: 4 }];
const strict: HttpPolicy = {
  allowPrivateNetwork: false,
  allowedHosts: [],
  maxResponseBytes: 10_000,
  resolve: loopback,
};

async function get(policy: HttpPolicy, endpoint: string, more: { readonly redirect?: boolean } = {}) {
  const execute = createHttpExecutor(policy);
  try {
    return await execute({ with: { method: "GET", endpoint, ...more } }, activityContext());
  } finally {
    await execute.close();
  }
}

const DENIED = {
  ok: false,
  error: expect.objectContaining({ type: expect.stringMatching(/authorization$/), status: 403 }),
};

/** Ways to write an address that a workflow must not reach; names are answered with 127.0.0.1. */
const FORMS = [
  ["plain", "127.0.0.1"],
  ["last of the block", "127.255.255.254"],
  ["any host", "0.0.0.0"],
  ["zero", "0"],
  ["short, two parts", "127.1"],
  ["short, three parts", "127.0.1"],
  ["decimal", "2130706433"],
  ["decimal of metadata", "2852039166"],
  ["hex", "0x7f000001"],
  ["hex, upper case", "0X7F000001"],
  ["hex, dotted", "0x7f.0x0.0x0.0x1"],
  ["hex, short", "0x7f.1"],
  ["octal", "017700000001"],
  ["octal, dotted", "0177.0.0.01"],
  ["octal with zeros", "0177.0000.0000.0001"],
  ["mixed bases", "0x7f.0.0.01"],
  ["trailing dot", "127.0.0.1."],
  ["hex with trailing dot", "0x7f000001."],
  ["percent-encoded digits", "%31%32%37.0.0.1"],
  ["percent-encoded dots", "127%2e0%2e0%2e1"],
  ["full-width digits", "１２７.0.0.1"],
  ["circled digits", "①②⑦.⓪.⓪.①"],
  ["ideographic dots", "127。0。0。1"],
  ["half-width dots", "127｡0｡0｡1"],
  ["soft hyphen", "127.0.\u00ad0.1"],
  ["user before it", "public.example@127.0.0.1"],
  ["user and password", "public.example:80@127.0.0.1"],
  ["encoded user with slash", "public.example%2f@127.0.0.1"],
  ["private 10/8", "10.0.0.1"],
  ["private 172.16/12", "172.16.0.1"],
  ["private 192.168/16", "192.168.0.1"],
  ["link-local, metadata", "169.254.169.254"],
  ["metadata in hex", "0xa9fea9fe"],
  ["metadata, octal", "0251.0376.0251.0376"],
  ["carrier-grade NAT", "100.64.0.1"],
  ["multicast", "224.0.0.1"],
  ["broadcast", "255.255.255.255"],
  ["benchmarking", "198.18.0.1"],
  ["IPv6 loopback", "[::1]"],
  ["IPv6 loopback, written out", "[0:0:0:0:0:0:0:1]"],
  ["IPv6 loopback, padded", "[0000:0000:0000:0000:0000:0000:0000:0001]"],
  ["IPv6 unspecified", "[::]"],
  ["mapped", "[::ffff:127.0.0.1]"],
  ["mapped, hex", "[::ffff:7f00:1]"],
  ["mapped, padded", "[0:0:0:0:0:ffff:7f00:0001]"],
  ["mapped metadata", "[::ffff:169.254.169.254]"],
  ["IPv4-compatible", "[::127.0.0.1]"],
  ["IPv4-translated", "[::ffff:0:127.0.0.1]"],
  ["NAT64", "[64:ff9b::127.0.0.1]"],
  ["NAT64, local use", "[64:ff9b:1::7f00:1]"],
  ["6to4", "[2002:7f00:1::]"],
  ["Teredo", "[2001:0:7f00:1::]"],
  ["unique local", "[fd00::1]"],
  ["IPv6 link-local", "[fe80::1]"],
  ["IPv6 site-local", "[fec0::1]"],
  ["IPv6 multicast", "[ff02::1]"],
  ["name", "localhost"],
  ["name, upper case", "LOCALHOST"],
  ["name with trailing dot", "localhost."],
  ["name below localhost", "anything.localhost"],
  ["public name that points inside", "127.0.0.1.nip.example"],
  ["name in full-width letters", "ｌocalhost"],
] as const;

describe("given a policy without exceptions and names that all point to loopback", () => {
  test.each(FORMS)("when a call goes to %s (%s), then it is denied and nothing arrives", async (_, host) => {
    expect(await get(strict, `http://${host}:${ledger.port}/`)).toEqual(DENIED);
    expect(ledger.entries).toEqual([]);
  });

  test.each([
    ["file:///etc/passwd"],
    ["ftp://127.0.0.1/"],
    ["gopher://127.0.0.1:6379/_FLUSHALL"],
    ["javascript:alert(1)"],
    ["data:,x"],
    ["//127.0.0.1/"],
    ["http://"],
    ["http://[::1"],
    ["http://127.0.0.1:99999/"],
    ["http://256.256.256.256/"],
    ["http://a b/"],
    ["http:/\u0000/"],
  ])("when the endpoint is %o, then it is a configuration error", async (endpoint) => {
    expect(await get(strict, endpoint)).toEqual({
      ok: false,
      error: expect.objectContaining({ type: expect.stringMatching(/configuration$/), status: 400 }),
    });
  });

  test("when every form is tried as the target of a redirection from a listed host, then none is reached", async () => {
    const policy = { ...strict, allowedHosts: ["start.example"] };
    for (const status of [301, 302, 303, 307, 308]) {
      for (const [, host] of FORMS) {
        ledger.clear();
        ledger.answer((_, response) =>
          response
            .writeHead(status, {
              location: encodeURI(`http://${host}:${ledger.port}/inside`)
                .replaceAll("%25", "%")
                .replaceAll(/%5B|%5D/g, (b) => (b === "%5B" ? "[" : "]")),
            })
            .end(),
        );
        const outcome = await get(policy, `http://start.example:${ledger.port}/`, { redirect: true });
        expect([status, host, outcome]).toEqual([status, host, DENIED]);
        expect(ledger.entries.map(({ url }) => url)).toEqual(["/"]);
      }
    }
  });
});

describe("given a name whose answers change", () => {
  /** Answers in turn, then again with the last. */
  function resolver(...answers: readonly (readonly string[])[]) {
    let asked = 0;
    const resolve = async () => {
      const answer = answers[Math.min(asked++, answers.length - 1)] ?? [];
      return answer.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
    };
    return { resolve, asked: () => asked };
  }

  test("when a listed range is left by the second answer, then the second connection is denied and was looked up once", async () => {
    // 127.0.0.0/25 stands for the public internet, 127.0.0.200 for what is inside.
    const { resolve, asked } = resolver(["127.0.0.1"], ["127.0.0.200"]);
    const policy = { ...strict, allowedHosts: ["127.0.0.0/25"], resolve };
    const inside = await startLedger("127.0.0.200");
    try {
      ledger.answer((_, response) =>
        response.writeHead(302, { location: `http://rebind.example:${inside.port}/`, connection: "close" }).end(),
      );
      const outcome = await get(policy, `http://rebind.example:${ledger.port}/`, { redirect: true });
      expect(outcome).toEqual(DENIED);
      expect([ledger.entries.length, inside.entries.length, asked()]).toEqual([1, 0, 2]);
    } finally {
      await inside.close();
    }
  });

  test("when one of several answers is private, then no connection is made to any", async () => {
    const { resolve } = resolver(["8.8.8.8", "127.0.0.1"]);
    expect(await get({ ...strict, resolve }, `http://mixed.example:${ledger.port}/`)).toEqual(DENIED);
    expect(ledger.entries).toEqual([]);
  });

  test("when a connection is kept alive, then a later call uses the address that was checked and asks nobody", async () => {
    const { resolve, asked } = resolver(["127.0.0.1"], ["10.0.0.1"]);
    const execute = createHttpExecutor({ ...strict, allowedHosts: ["127.0.0.1"], resolve });
    const activity = { with: { method: "GET", endpoint: `http://pinned.example:${ledger.port}/` } };
    expect(await execute(activity, activityContext())).toEqual({ ok: true, output: null });
    // The client takes a connection back only after it has given its answer.
    await setImmediate();
    expect(await execute(activity, activityContext())).toEqual({ ok: true, output: null });
    await execute.close();
    expect(ledger.entries.map(({ connection }) => connection)).toEqual([1, 1].map(() => ledger.entries[0]?.connection));
    expect(asked()).toBe(1);
  });
});

describe("given exceptions", () => {
  test.each([
    ["the name", ["service.example"], "service.example"],
    ["its domain", ["*.example"], "service.example"],
    ["the address", ["127.0.0.1"], "127.0.0.1"],
    ["a range, for a name in it", ["127.0.0.0/8"], "service.example"],
  ])("when %s is listed, then the call arrives", async (_, allowedHosts, host) => {
    expect(await get({ ...strict, allowedHosts }, `http://${host}:${ledger.port}/`)).toEqual({
      ok: true,
      output: null,
    });
  });

  test("when proxies are set in the environment, then calls do not go through them", async () => {
    const proxy = await startLedger();
    const names = ["HTTP_PROXY", "http_proxy", "ALL_PROXY"];
    const before = names.map((name) => process.env[name]);
    for (const name of names) process.env[name] = proxy.origin;
    try {
      await get({ ...strict, allowPrivateNetwork: true }, `${ledger.origin}/direct`);
      expect([ledger.entries.map(({ url }) => url), proxy.entries]).toEqual([["/direct"], []]);
    } finally {
      names.forEach((name, index) => {
        const value = before[index];
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      });
      await proxy.close();
    }
  });
});
