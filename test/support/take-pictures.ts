import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { DurabullClient } from "../../src/client/index.ts";
import { startChromium } from "./chromium.ts";
import { startRedis } from "./servers.ts";
import { startService } from "./service-process.ts";

const DOCS = new URL("../../docs/", import.meta.url);
const VIEW = { width: 1180, height: 720 };

const order = (shop: string) => `
document: { dsl: 1.0.3, namespace: shop, name: order-fulfilment, version: 1.4.0 }
do:
  - reserve: { call: http, with: { method: post, endpoint: "${shop}/reserve", body: { items: "\${ .items }" } } }
  - payment:
      try:
        - charge: { call: http, with: { method: post, endpoint: "${shop}/charge", body: { amount: 42.5 } } }
      catch:
        errors: { with: { status: 503 } }
        retry: { delay: { milliseconds: 400 }, limit: { attempt: { count: 5 } } }
  - fulfil:
      fork:
        branches:
          - pack: { call: http, with: { method: post, endpoint: "${shop}/pack" } }
          - print-label: { call: http, with: { method: post, endpoint: "${shop}/label" } }
          - book-courier: { call: http, with: { method: post, endpoint: "${shop}/courier" } }
  - settle: { wait: { milliseconds: 600 } }
  - confirm: { set: { order: shipped, total: 42.5 } }
`;
const REMINDER = `
document: { dsl: 1.0.3, namespace: crm, name: trial-reminder, version: 2.0.1 }
do:
  - wait-three-days: { wait: { days: 3 } }
  - done: { set: { reminded: true } }
`;
const REFUND = (shop: string) => `
document: { dsl: 1.0.3, namespace: shop, name: refund, version: 1.0.0 }
do:
  - look-up: { set: { order: "\${ .order }" } }
  - pay-back: { call: http, with: { method: post, endpoint: "${shop}/refund" } }
`;

/** Milliseconds each address of the shop takes, and how often it fails first. */
const SHOP: Readonly<Record<string, { ms: number; failures?: number; status?: number }>> = {
  "/reserve": { ms: 350 },
  "/charge": { ms: 250, failures: 2, status: 503 },
  "/pack": { ms: 900 },
  "/label": { ms: 300 },
  "/courier": { ms: 600 },
  "/refund": { ms: 120, failures: 1_000, status: 402 },
};

const failed = new Map<string, number>();
const world = createServer((request, response) => {
  const { ms, failures = 0, status = 500 } = SHOP[request.url ?? ""] ?? { ms: 10 };
  const key = `${request.headers["idempotency-key"]} ${request.url}`;
  const before = failed.get(key) ?? 0;
  const isFailing = before < failures;
  if (isFailing) failed.set(key, before + 1);
  setTimeout(() => {
    response.writeHead(isFailing ? status : 200, { "content-type": "application/json" });
    response.end(
      JSON.stringify(isFailing ? { message: "the bank says: not now" } : { ok: true, address: request.url }),
    );
  }, ms);
});
await new Promise<void>((resolve) => world.listen(0, "127.0.0.1", resolve));
const shop = `http://127.0.0.1:${(world.address() as AddressInfo).port}`;
const redis = await startRedis();
const service = await startService({ env: { REDIS_URL: redis.url } });
const client = new DurabullClient({ url: service.url });
const browser = await startChromium();
try {
  await tell();
  await take("executions", "/", async (page) => page.getByText("trial-ada").waitFor());
  const [shipped] = (await client.executions({ workflowId: "order-1007" })).items;
  await take("dashboard", `/#/executions/${shipped?.executionId}`, async (page) => {
    await page.locator(".timeline summary", { hasText: "confirm" }).waitFor();
    await page.setViewportSize({ ...VIEW, height: 960 });
  });
  await take("queues", "/queues/queue/durabull-dlq?status=failed", async (page) => {
    await page.getByText("io.flunq.event.dlq").first().waitFor();
  });
} finally {
  await browser.close();
  await service.stop();
  await redis.stop();
  world.close();
}

/** Starts what the pictures show. */
async function tell(): Promise<void> {
  for (const text of [order(shop), REMINDER, REFUND(shop)]) await client.registerDefinition(text);
  const start = (name: string, workflowId: string, labels: Readonly<Record<string, string>>, input = {}) => {
    const namespace = name === "trial-reminder" ? "crm" : "shop";
    return client.start({ definition: { namespace, name }, workflowId, labels, input });
  };
  const orders = ["order-1004", "order-1005", "order-1006", "order-1007"];
  const items = { items: [{ sku: "tea", quantity: 2, price: 21.25 }] };
  for (const id of orders.slice(0, 3)) await start("order-fulfilment", id, { channel: "web" }, items);
  const refund = await start("refund", "refund-1002", { channel: "phone" }, { order: "order-1002" });
  const trials = await Promise.all(
    ["trial-grace", "trial-alan", "trial-ada"].map((id) => start("trial-reminder", id, { plan: "team" })),
  );
  await client.pause(trials[0]?.executionId ?? "");
  await client.cancel(trials[1]?.executionId ?? "");
  await client.ended(refund.executionId);
  const last = await start("order-fulfilment", "order-1007", { channel: "web", customer: "ada" }, items);
  await client.ended(last.executionId);
  await start("order-fulfilment", "order-1008", { channel: "web" }, items);
}

async function take(name: string, path: string, shown: (page: Page) => Promise<unknown>): Promise<void> {
  const page = await browser.newPage({ viewport: VIEW, colorScheme: "light", reducedMotion: "reduce" });
  await page.goto(service.url + path);
  await shown(page);
  const file = fileURLToPath(new URL(`${name}.png`, DOCS));
  await page.screenshot({ path: file });
  process.stdout.write(`docs/${name}.png\n`);
  await page.close();
}
