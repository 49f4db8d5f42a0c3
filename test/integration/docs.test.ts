import { afterAll, beforeAll, expect, test } from "vitest";
import { startChromium } from "../support/chromium.ts";
import type { TestServer } from "../support/servers.ts";
import { type ApiWorld, openApiWorld, startServer } from "./support/api-world.ts";

let server: TestServer;
let world: ApiWorld;
beforeAll(async () => {
  server = await startServer("redis");
  world = await openApiWorld("redis", server);
});
afterAll(async () => {
  await world.close();
  await server.stop();
});

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly responses: Readonly<
    Record<
      string,
      { readonly description: string; readonly content?: Readonly<Record<string, { readonly examples?: object }>> }
    >
  >;
}

test("given the description of the API, when it is read, then each operation is explained, and each problem has examples", async () => {
  const { paths } = (await world.app.inject("/openapi.json")).json() as {
    paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  };
  const seen: string[] = [];
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { summary, tags, responses }] of Object.entries(operations)) {
      seen.push(`${method} ${path}`);
      expect([method, path, summary, tags?.length]).toEqual([method, path, expect.stringMatching(/^[A-Z]/), 1]);
      for (const [status, { description, content = {} }] of Object.entries(responses)) {
        const problem = content["application/problem+json"];
        if (problem === undefined) continue;
        const examples = Object.entries(problem.examples ?? {}) as [
          string,
          { value: { code: string; status: number } },
        ][];
        expect([method, path, status, examples.length > 0, description !== ""]).toEqual([
          method,
          path,
          status,
          true,
          true,
        ]);
        for (const [code, { value }] of examples) expect(value).toMatchObject({ code, status: Number(status) });
      }
    }
  }
  expect(seen).toEqual(
    expect.arrayContaining([
      "get /api/v1/executions/{executionId}/stream",
      "get /api/v1/executions/stream",
      "get /api/v1/executions/{executionId}/state",
      "get /api/v1/dead-letters/{id}",
    ]),
  );
});

test("given the dashboard, when its link to the API is followed, then the API is browsed, and nothing comes from elsewhere", async () => {
  const browser = await startChromium();
  try {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(world.url) && !url.startsWith("data:")) complaints.push(url);
    });
    await page.goto(world.url);
    await page.getByRole("link", { name: "API", exact: true }).click();
    await page.getByText("Follow one execution: every event of its history, as it comes").first().waitFor();
    await page.getByText("Start an execution").first().click();
    await page.getByText("The idempotency key was used for another request").first().waitFor();
    expect(new URL(page.url()).pathname).toMatch(/^\/docs/);
    expect(complaints).toEqual([]);
  } finally {
    await browser.close();
  }
});
