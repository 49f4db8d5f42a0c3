import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { summaryOf } from "../../src/runtime/tell.ts";
import { problemOf } from "../../src/values/problem.ts";
import { aLetter, aTimer, type EventDraft, taskStarted, timerScheduled } from "../support/build.ts";
import { startChromium } from "../support/chromium.ts";
import type { TestServer } from "../support/servers.ts";
import { type ApiWorld, openApiWorld, QUICK, startServer } from "./support/api-world.ts";

const MARKUP = '<img src=x onerror="window.hacked=1">';
/** Longest wait for what a page should show. */
const PATIENCE_MS = 15_000;
const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true };

let server: TestServer;
let world: ApiWorld;
let browser: Browser;
const complaints: string[] = [];

beforeAll(async () => {
  server = await startServer("redis");
  world = await openApiWorld("redis", server);
  browser = await startChromium();
  await fetch(`${world.url}/api/v1/definitions`, {
    method: "PUT",
    headers: { "content-type": "application/yaml" },
    body: QUICK,
  });
});
afterAll(async () => {
  await browser.close();
  await world.close();
  await server.stop();
});
/** Nothing a page does may offend its policy, throw, or reach another address. */
afterEach(() => {
  expect(complaints.splice(0)).toEqual([]);
});

async function visit(path: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().includes("404 (Not Found)")) complaints.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(world.url)) complaints.push(`asked for ${request.url()}`);
  });
  await page.goto(world.url + path);
  return page;
}

async function start(workflowId: string, input: unknown = {}, tenant = "default"): Promise<string> {
  const definition = { namespace: "test", name: "quick" };
  const response = await fetch(`${world.url}/api/v1/executions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tenant-id": tenant },
    body: JSON.stringify({ definition, workflowId, input, labels: { note: MARKUP } }),
  });
  return ((await response.json()) as { executionId: string }).executionId;
}

async function waiting(workflowId: string): Promise<string> {
  const executionId = await start(workflowId, { name: MARKUP });
  const fireAt = (await world.events.now()) + 3_600_000;
  const head = await world.decide(executionId, {
    events: [taskStarted({ text: MARKUP }), timerScheduled(fireAt)],
    add: [{ work: aTimer(3, fireAt), lookAt: fireAt }],
    status: "WAITING",
  });
  await world.events.settle(executionId, 3);
  await world.database.project(summaryOf(head));
  return executionId;
}

test("given a tenant without executions, when the page is opened, then it says how to start one", async () => {
  const page = await visit("/");
  await page.getByLabel("Tenant").fill("nobody");
  await page.getByLabel("Tenant").press("Enter");
  await page.getByRole("heading", { name: "No executions yet" }).waitFor();
  expect(await page.locator("pre").first().textContent()).toContain("x-tenant-id: nobody");
  await page.getByLabel("Tenant").fill("NOT A TENANT");
  await page.getByLabel("Tenant").press("Enter");
  expect(await page.getByLabel("Tenant").evaluate((input) => input.matches(":invalid"))).toBe(true);
  await page.context().close();
});

test("given executions, when the list is filtered, then the address holds the filter and the list follows", async () => {
  const executionId = await waiting(`listed ${MARKUP}`);
  const other = await start("another");
  const page = await visit("/");
  await page.getByRole("link", { name: `listed ${MARKUP}` }).waitFor();
  await page.getByRole("link", { name: "Waiting", exact: true }).click();
  await page.getByText(executionId).waitFor();
  await page.getByText(other).waitFor({ state: "detached" });
  expect(page.url()).toContain("status=WAITING");
  await page.getByRole("link", { name: "All", exact: true }).click();
  // The page is drawn anew, with another field, after the address has changed.
  await page.getByText(other).waitFor();
  await page.getByLabel("Workflow ID, exactly").fill("another");
  await page.getByRole("button", { name: "Find" }).click();
  await page.getByText(executionId).waitFor({ state: "detached" });
  await page.getByText(other).waitFor();
  expect(await page.evaluate("window.hacked")).toBeUndefined();
  await page.context().close();
});

test("given more executions than a page, when one goes older and newer again, then each page is the right one", async () => {
  await fetch(`${world.url}/api/v1/definitions`, {
    method: "PUT",
    headers: { "content-type": "application/yaml", "x-tenant-id": "many" },
    body: QUICK,
  });
  for (let n = 1; n <= 53; n++) await start(`run-${n}`, {}, "many");
  const page = await visit("/");
  await page.getByLabel("Tenant").fill("many");
  await page.getByLabel("Tenant").press("Enter");
  await page.getByRole("link", { name: "run-53" }).waitFor();
  await page.getByRole("link", { name: "Older →" }).click();
  await page.getByRole("link", { name: "run-3", exact: true }).waitFor();
  expect(await page.locator("tbody tr").count()).toBe(3);
  await page.getByRole("link", { name: "← Newer" }).click();
  await page.getByRole("link", { name: "run-53" }).waitFor();
  await page.context().close();
});

test("given a waiting execution, when it is opened, then it says why, shows its tasks and events, and data is text", async () => {
  const executionId = await waiting("watched");
  const page = await visit(`/#/executions/${executionId}`);
  await page.getByRole("heading", { name: "watched" }).waitFor();
  await page.locator(".why").getByText("a wait").waitFor();
  await page.locator(".timeline summary").click();
  await page.locator(".timeline .json").getByText(MARKUP.replaceAll('"', '\\"')).waitFor();
  await page.locator(".events summary").nth(1).click();
  await page.locator(".events .json").waitFor();
  expect(await page.locator(".event-type").allTextContents()).toEqual([
    "execution.started",
    "task.started",
    "timer.scheduled",
  ]);
  expect(await page.evaluate("document.images.length")).toBe(1);
  expect(await page.evaluate("window.hacked")).toBeUndefined();
  await page.context().close();
});

test("given an open execution, when its buttons are pressed, then pause is told, terminate asks first, and the page follows", async () => {
  const executionId = await waiting("acted on");
  const page = await visit(`/#/executions/${executionId}`);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("1 new fact is waiting to be processed").waitFor();
  await page.getByRole("button", { name: "Terminate" }).click();
  await page.getByRole("button", { name: "Keep it" }).click();
  await page.getByRole("button", { name: "Terminate" }).click();
  await page.getByLabel("Reason").fill(`enough ${MARKUP}`);
  await page.getByRole("dialog").getByRole("button", { name: "Terminate" }).click();
  await page.locator(".heading .pill.cancelled").waitFor();
  await page.getByRole("button", { name: "Pause" }).waitFor({ state: "detached" });
  const log = await world.events.history(executionId, { after: 0, limit: 1, order: "desc" });
  expect(log?.[0]?.data).toEqual({ terminated: true, reason: `enough ${MARKUP}` });
  await page.context().close();
});

test("given a failed execution with a dead letter, when Redrive is pressed, then it goes on", async () => {
  const executionId = await start("broken");
  const error = problemOf("runtime", `no stock ${MARKUP}`);
  const failed: EventDraft = { type: "workflow.failed", source: "workflow-engine", data: { error, frame: 1 } };
  const head = await world.decide(executionId, { events: [failed], status: "FAILED" });
  await world.events.park(aLetter(head, { kind: "execution", error }));
  const page = await visit(`/#/executions/${executionId}`);
  await page.getByRole("heading", { name: "Dead letter" }).waitFor();
  await page.getByRole("button", { name: "Redrive" }).click();
  await page.locator(".heading .pill.running").waitFor();
  await page.getByRole("heading", { name: "Dead letter" }).waitFor({ state: "detached" });
  expect((await world.events.heads([executionId]))[0]?.status).toBe("RUNNING");
  await page.context().close();
});

test("given an execution of another tenant, when it is opened, then the page says that it is not there", async () => {
  const page = await visit("/#/executions/x0-aaaaaaaaaaaaaaaaaaaaaaaaaa");
  await page.getByRole("heading", { name: "No such execution" }).waitFor();
  await page.getByRole("link", { name: "Show all executions" }).click();
  await page.getByRole("heading", { name: "Executions" }).waitFor();
  await page.context().close();
});

test("given a service that does not answer for a while, when it is back, then the page says so and goes on by itself", async () => {
  const page = await visit("/");
  await page.getByRole("table").waitFor();
  await page.route("**/api/v1/**", (route) => route.abort());
  await page.getByText("The service does not answer.").waitFor();
  await page.getByRole("table").waitFor();
  await page.unroute("**/api/v1/**");
  await page.getByText("The service does not answer.").waitFor({ state: "hidden" });
  complaints.splice(0, complaints.length, ...complaints.filter((text) => !text.includes("ERR_FAILED")));
  await page.context().close();
});

test.each([
  ["light on a desk", { colorScheme: "light" }],
  ["dark on a desk", { colorScheme: "dark" }],
  ["light on a phone", { ...PHONE, colorScheme: "light" }],
  ["dark on a phone", { ...PHONE, colorScheme: "dark" }],
] as const)(
  "given %s, when list and execution are shown, then nothing is wider than the screen and text can be read",
  async (_, options) => {
    const executionId = await waiting(
      `${"a-very-long-workflow-id-".repeat(9)}${options.colorScheme}${"viewport" in options}`,
    );
    const page = await visit("/", options);
    await page.getByRole("table").waitFor();
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    await page.goto(`${world.url}/#/executions/${executionId}`);
    await page.locator(".timeline").waitFor();
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    expect(await contrast(page, ".pill.waiting")).toBeGreaterThanOrEqual(4.5);
    expect(await contrast(page, ".fact dt")).toBeGreaterThanOrEqual(4.5);
    await page.context().close();
  },
);

test("given the keyboard alone, when one tabs through the list, then every control shows its focus and opens its row", async () => {
  const executionId = await waiting("by keyboard");
  const page = await visit("/#/?workflowId=by+keyboard");
  await page.getByRole("link", { name: "by keyboard" }).waitFor();
  await page.keyboard.press("Tab");
  expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to content");
  await page.getByRole("link", { name: "by keyboard" }).focus();
  // The list is drawn anew every few seconds: what has the focus keeps it.
  await page.waitForResponse((response) => response.url().includes("/api/v1/executions?"));
  await page.waitForFunction("document.activeElement.textContent === 'by keyboard'");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.hash.includes(executionId));
  await page.context().close();
});

test("given a schedule, when its page is opened, then it can be paused with a reason, resumed and triggered, on a phone as well", async () => {
  const page = await visit("/#/schedules", PHONE);
  await page.getByRole("heading", { name: "No schedules" }).waitFor();
  const body = `document: { dsl: 1.0.3, namespace: test, name: hourly, version: 1.0.0 }
schedule: { cron: "TZ=Europe/Berlin 0 * * * *" }
do: [{ say: { set: { a: 1 } } }]`;
  await fetch(`${world.url}/api/v1/definitions`, {
    method: "PUT",
    headers: { "content-type": "application/yaml" },
    body,
  });
  await page.getByText("0 * * * * (Europe/Berlin)").waitFor();
  expect(await overflow(page)).toBeLessThanOrEqual(0);
  await page.getByRole("button", { name: "Pause test/hourly" }).click();
  await page.getByLabel("Reason (optional)").fill(MARKUP);
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await page.getByText(MARKUP).waitFor();
  await page.getByRole("button", { name: "Resume test/hourly" }).click();
  await page.getByRole("button", { name: "Pause test/hourly" }).waitFor();
  await page.getByRole("button", { name: "Trigger now test/hourly" }).click();
  await page.getByText("1 started, 0 skipped").waitFor();
  expect(await page.evaluate("window.hacked")).toBeUndefined();
  await page.context().close();
});

test("given a schedule on events, when some come, then its page says on which, and how much is collected and missing", async () => {
  const body = `document: { dsl: 1.0.3, namespace: test, name: paired, version: 1.0.0 }
schedule: { on: { all: [{ with: { type: dash.a } }, { with: { type: dash.b } }] } }
do: [{ say: { set: { a: 1 } } }]`;
  const put = { method: "PUT", headers: { "content-type": "application/yaml" }, body };
  expect((await fetch(`${world.url}/api/v1/definitions`, put)).status).toBe(201);
  const page = await visit("/#/schedules");
  const row = page.getByRole("row").filter({ hasText: "test/paired" });
  await row.getByText("on all dash.a, dash.b").waitFor();
  const publish = (type: string, id: string) =>
    fetch(`${world.url}/api/v1/events`, {
      method: "POST",
      headers: { "content-type": "application/cloudevents+json" },
      body: JSON.stringify({ specversion: "1.0", id, source: "/dash", type }),
    });
  await publish("dash.b", MARKUP);
  await row.getByText("1 collected, 1 missing").waitFor();
  await publish("dash.a", "1");
  await row.getByText("1 started, 0 skipped").waitFor();
  expect(await row.getByText("collected").count()).toBe(0);
  expect(await page.evaluate("window.hacked")).toBeUndefined();
  await page.context().close();
});

test("given the files of the page, when they are asked for, then the policy is strict and unchanged files are not sent again", async () => {
  const page = await fetch(world.url);
  const policy = page.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(policy).not.toContain("unsafe");
  expect(await page.text()).not.toMatch(/<script>|style=|https?:\/\//);
  const script = await fetch(`${world.url}/assets/app.js`);
  const etag = script.headers.get("etag") ?? "";
  const again = await fetch(`${world.url}/assets/app.js`, { headers: { "if-none-match": etag } });
  expect([script.status, again.status]).toEqual([200, 304]);
});

function overflow(page: Page): Promise<number> {
  return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
}

/** Of a text against what is behind it (WCAG 2). */
function contrast(page: Page, selector: string): Promise<number> {
  return page.evaluate(`(() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const paint = (...colours) => {
      for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
      return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const luminance = (rgb) => {
      const [r, g, b] = rgb.map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const element = document.querySelector(${JSON.stringify(selector)});
    const behind = [];
    for (let at = element; at; at = at.parentElement) behind.unshift(getComputedStyle(at).backgroundColor);
    const [dark, light] = [luminance(paint(...behind)), luminance(paint(...behind, getComputedStyle(element).color))].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  })()`);
}
