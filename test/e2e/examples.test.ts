import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../../src/values/json.ts";
import { apiOf, eventually } from "../support/api.ts";
import type { Outside } from "../support/outside.ts";
import { startRedis, type TestServer } from "../support/servers.ts";
import { serviceOnStore } from "../support/service-on-store.ts";
import { startService } from "../support/service-process.ts";

const directory = new URL("../../examples/", import.meta.url);
const files = readdirSync(directory).filter((file) => file.endsWith(".yaml"));
const read = (file: string) => readFileSync(new URL(file, directory), "utf8");

/** One run of an example: what the world answers, what goes in, what comes out. */
interface Run {
  readonly file: string;
  readonly when: string;
  readonly input: (url: string) => Json;
  readonly world?: (outside: Outside) => void;
  readonly status?: string;
  readonly output: Json;
  /** Published once it listens. */
  readonly event?: object;
  /** Method and path of each call, in order of their arrival unless they go side by side. */
  readonly calls?: readonly string[];
}

/** Answers one after another; the last one stays. */
const inTurn = (
  ...bodies: readonly { readonly status?: number; readonly body?: unknown; readonly delayMs?: number }[]
) => {
  let next = 0;
  return () => bodies[Math.min(next++, bodies.length - 1)] ?? {};
};
const service =
  (more: Readonly<Record<string, Json>> = {}) =>
  (url: string) => ({ service: url, ...more });

const RUNS: readonly Run[] = [
  {
    file: "quickstart.yaml",
    when: "two cups are asked for",
    input: () => ({ cups: ["espresso", "flat white"] }),
    output: { message: "2 cups, brewed at 93 °C", cups: ["espresso", "flat white"] },
  },
  {
    file: "order-fulfilment.yaml",
    when: "the order can be paid",
    input: () => ({ customer: "Ada", items: [{ sku: "tea", quantity: 2, price: 4.5 }] }),
    output: { status: "shipped", customer: "Ada", charged: 9, parcels: ["2 x tea"] },
  },
  {
    file: "order-fulfilment.yaml",
    when: "the payment is refused",
    input: () => ({ customer: "Ada", items: [{ sku: "boat", quantity: 1, price: 5_000 }] }),
    output: { status: "cancelled", customer: "Ada", reason: "5000 is above the limit of 1000" },
  },
  {
    file: "book-a-trip.yaml",
    when: "the hotel fails once in passing",
    input: service({ trip: "Lisbon" }),
    world(outside) {
      outside.answer("/flights", () => ({ body: { id: "f-1" } }));
      outside.answer("/hotels", inTurn({ status: 503 }, { body: { id: "h-1" } }));
    },
    output: { booked: true, flight: "f-1", hotel: "h-1" },
    calls: ["POST /flights", "POST /hotels", "POST /hotels"],
  },
  {
    file: "book-a-trip.yaml",
    when: "the hotel is full",
    input: service({ trip: "Lisbon" }),
    world(outside) {
      outside.answer("/flights", () => ({ body: { id: "f-2" } }));
      outside.answer("/hotels", () => ({ status: 409 }));
    },
    output: { booked: false, cancelled: "f-2", because: 409 },
    calls: ["POST /flights", "POST /hotels", "DELETE /flights/f-2"],
  },
  {
    file: "sales-report.yaml",
    when: "one region does not answer",
    input: service(),
    world(outside) {
      outside.answer("/sales/north", () => ({ body: [{ product: "tea", amount: 5 }] }));
      outside.answer("/sales/south", () => ({ status: 500 }));
      const west = [
        { product: "tea", amount: 3 },
        { product: "jam", amount: 7 },
      ];
      outside.answer("/sales/west", () => ({ body: west }));
    },
    output: { total: 15, byRegion: { north: 5, south: 0, west: 10 }, best: "tea", missing: ["south"] },
  },
  {
    file: "approval.yaml",
    when: "the amount needs nobody",
    input: service({ amount: 50, patience: "PT1H" }),
    output: { decision: "approved", by: "rule" },
    calls: [],
  },
  {
    file: "approval.yaml",
    when: "the manager does not answer and the deputy approves",
    input: service({ amount: 900, patience: "PT1S" }),
    world(outside) {
      outside.answer("/approvals", inTurn({ body: { id: "manager" } }, { body: { id: "deputy" } }));
      outside.answer("/approvals/manager", () => ({ body: { decision: "pending" } }));
      outside.answer("/approvals/deputy", () => ({ body: { decision: "approved" } }));
    },
    output: { decision: "approved", by: "deputy" },
  },
  {
    file: "approval.yaml",
    when: "nobody answers in time",
    input: service({ amount: 900, patience: "PT0.2S" }),
    world(outside) {
      outside.answer("/approvals", () => ({ body: { id: "nobody" } }));
      outside.answer("/approvals/nobody", () => ({ body: { decision: "pending" } }));
    },
    output: { decision: "refused", by: "timeout" },
  },
  {
    file: "poll-a-job.yaml",
    when: "the job is done at the second look",
    input: (url) => ({ url: `${url}/jobs/7` }),
    world: (outside) =>
      outside.answer("/jobs/7", inTurn({ body: { status: "running" } }, { body: { status: "done", result: 42 } })),
    output: { job: { status: "done", result: 42 }, asked: 2 },
    calls: ["GET /jobs/7", "GET /jobs/7"],
  },
  {
    file: "poll-a-job.yaml",
    when: "the job is never done",
    input: (url) => ({ url: `${url}/jobs/8` }),
    world: (outside) => outside.answer("/jobs/8", () => ({ body: { status: "running" } })),
    status: "FAILED",
    output: { type: "https://example.com/errors/job-too-slow", status: 504, title: "The job was not done in time" },
    calls: Array.from({ length: 5 }, () => "GET /jobs/8"),
  },
  {
    file: "deliver-webhook.yaml",
    when: "the receiver recovers",
    input: (url) => ({ url: `${url}/hook-1`, event: { type: "paid", id: 1 } }),
    world: (outside) => outside.answer("/hook-1", inTurn({ status: 500 }, { status: 502 }, { status: 202 })),
    output: { delivered: true, status: 202 },
    calls: ["POST /hook-1", "POST /hook-1", "POST /hook-1"],
  },
  {
    file: "deliver-webhook.yaml",
    when: "the receiver is gone",
    input: (url) => ({ url: `${url}/hook-2`, event: { type: "paid", id: 2 } }),
    world: (outside) => outside.answer("/hook-2", () => ({ status: 410 })),
    output: { delivered: false, status: 410 },
    calls: ["POST /hook-2"],
  },
  {
    file: "deliver-webhook.yaml",
    when: "the receiver never recovers",
    input: (url) => ({ url: `${url}/hook-3`, event: { type: "paid", id: 3 } }),
    world: (outside) => outside.answer("/hook-3", () => ({ status: 503 })),
    output: { delivered: false, status: 503 },
    calls: Array.from({ length: 5 }, () => "POST /hook-3"),
  },
  {
    file: "import-pages.yaml",
    when: "there are two pages and one customer without an address",
    input: service(),
    world: (outside) =>
      outside.answer("/customers", ({ path }) => ({
        body: path.endsWith("cursor=p2")
          ? { items: [{ id: 3, email: "c@example.com" }] }
          : {
              items: [
                { id: 1, email: "a@example.com" },
                { id: 2, email: "nowhere" },
              ],
              next: "p2",
            },
      })),
    output: { pages: 2, imported: 2, rejected: [2] },
    calls: ["GET /customers?cursor=", "GET /customers?cursor=p2"],
  },
  {
    file: "best-quote.yaml",
    when: "one supplier is quicker",
    input: service({ listPrice: 100 }),
    world(outside) {
      outside.answer("/quotes/acme", () => ({ body: { price: 70 }, delayMs: 60_000 }));
      outside.answer("/quotes/globex", () => ({ body: { price: 80 } }));
    },
    output: { supplier: "globex", price: 80, saved: 20 },
  },
  {
    file: "best-quote.yaml",
    when: "no supplier answers in time",
    input: service({ listPrice: 100 }),
    world(outside) {
      for (const supplier of ["acme", "globex"]) outside.answer(`/quotes/${supplier}`, () => ({ delayMs: 60_000 }));
    },
    output: { supplier: "none", price: 100, saved: 0 },
  },
  {
    file: "onboarding.yaml",
    when: "the user comes back after one reminder",
    input: service({ user: "ada", pause: "PT0.1S" }),
    world: (outside) => outside.answer("/users/ada", inTurn({ body: { active: false } }, { body: { active: true } })),
    output: { user: "ada", state: "active", reminders: 1 },
    calls: ["POST /mails", "GET /users/ada", "POST /mails", "GET /users/ada"],
  },
  {
    file: "onboarding.yaml",
    when: "the user stays away",
    input: service({ user: "bob", pause: "PT0.1S" }),
    world: (outside) => outside.answer("/users/bob", () => ({ body: { active: false } })),
    output: { user: "bob", state: "lost", reminders: 2 },
  },
  {
    file: "approval-by-event.yaml",
    when: "somebody answers",
    input: () => ({ request: "r-1", amount: 900, patience: "PT1H" }),
    event: {
      ...{ specversion: "1.0", id: "a-1", source: "/people", type: "approval.given", subject: "r-1" },
      data: { decision: "approved", by: "Ada" },
    },
    output: { request: "r-1", decision: "approved", by: "Ada" },
  },
  {
    file: "approval-by-event.yaml",
    when: "nobody answers in time",
    input: () => ({ request: "r-2", amount: 900, patience: "PT0.2S" }),
    output: { request: "r-2", decision: "refused", by: "nobody answered" },
  },
  {
    file: "nightly-cleanup.yaml",
    when: "it is started by hand",
    input: () => ({
      sessions: [
        { id: "a", idleDays: 31 },
        { id: "b", idleDays: 2 },
        { id: "c", idleDays: 90 },
      ],
    }),
    output: { removed: 2 },
  },
];

let redis: TestServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

describe("given the examples", () => {
  const parts = serviceOnStore({ name: "Redis", fresh: async () => ({ REDIS_URL: redis.url }) });

  test("when their folder is read, then each of at least ten is run here", () => {
    const covered = new Set(RUNS.map(({ file }) => file));
    expect([...covered].sort()).toEqual([...files].sort());
    expect(files.length).toBeGreaterThanOrEqual(10);
  });

  test.each(RUNS)(
    "when $when, then $file ends as it should",
    async ({ file, input, world, event, status, output, calls }) => {
      const { api, outside } = parts;
      world?.(outside);
      const before = outside.calls.length;
      const { executionId } = await api.start(read(file), { input: input(outside.url) });
      if (event !== undefined) {
        await api.until(executionId, (seen) => seen.status === "WAITING");
        expect((await api.ask("POST", "/api/v1/events", event)).status).toBe(202);
      }
      const ended = await api.ended(executionId);
      expect(ended.status).toBe(status ?? "COMPLETED");
      if (ended.error === undefined) expect(ended.output).toEqual(output);
      else expect(ended.error).toMatchObject(output as object);
      const made = outside.calls.slice(before).map(({ method, path }) => `${method} ${path}`);
      if (calls !== undefined) expect(made).toEqual(calls);
    },
  );
});

test("given a new store, when the service starts for the first time, then the examples are registered and quickstart has run", async () => {
  const service = await startService({ env: { REDIS_URL: `${redis.url}/1`, EXAMPLES: "on" } });
  const api = apiOf(service);
  const list = async () =>
    (await api.ask<{ items: readonly { name: string; status: string }[] }>("GET", "/api/v1/executions")).body.items;
  const runs = await eventually(
    list,
    (items) => items.length > 0 && items.every(({ status }) => status === "COMPLETED"),
  );
  expect(runs).toHaveLength(1);
  const { body } = await api.ask<{ items: readonly { name: string }[] }>("GET", "/api/v1/definitions?limit=100");
  const runnable = files.map((file) => file.replace(".yaml", ""));
  expect(body.items.map(({ name }) => name).sort()).toEqual(runnable.sort());
  expect(service.log.map(({ msg }) => msg)).not.toContain("the examples were not run");
  expect(await service.stop()).toBe(0);
});
