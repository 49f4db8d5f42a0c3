import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { createFailpoints, FailpointError } from "../../../src/runtime/failpoints.ts";
import { parseFailpoints } from "../../../src/values/failpoints.ts";

const points = (text: string) => parseFailpoints(text) ?? [];

test("given no failpoints, when any is hit, then it is one constant no-op", () => {
  const { hit } = createFailpoints([], () => 0);
  expect(hit("before-commit")).toBe(hit("after-effect"));
  expect(createFailpoints([], Math.random)).toBe(createFailpoints([], Math.random));
});

test("given a failpoint that throws, when its moment and another are hit, then only its own throws", async () => {
  const { hit } = createFailpoints(points("before-settle:throw:1"), () => 0.999);
  await expect(hit("before-settle")).rejects.toThrow(FailpointError);
  await expect(hit("after-settle")).resolves.toBeUndefined();
});

test("given a probability of 0.25, when random gives each quarter, then only the draw below it fails", async () => {
  const draws = [0, 0.25, 0.5, 0.75];
  const { hit } = createFailpoints(points("after-claim:throw:0.25"), () => draws.shift() ?? 1);
  const results = [];
  for (let i = 0; i < 4; i++) results.push(await hit("after-claim").then(String, String));
  expect(results).toEqual(["FailpointError: failpoint after-claim", "undefined", "undefined", "undefined"]);
});

test("given a delay, when it is hit, then it resolves later than what was waiting already", async () => {
  const order: string[] = [];
  const { hit } = createFailpoints(points("after-append:delay20:1"), () => 0);
  await Promise.all([
    hit("after-append").then(() => order.push("hit")),
    Promise.resolve().then(() => order.push("other")),
  ]);
  expect(order).toEqual(["other", "hit"]);
});

test("given a failpoint that kills, when a process hits it, then that process dies by SIGKILL", async () => {
  const program = `
    import { createFailpoints } from ${JSON.stringify(new URL("../../../src/runtime/failpoints.ts", import.meta.url).href)};
    import { parseFailpoints } from ${JSON.stringify(new URL("../../../src/values/failpoints.ts", import.meta.url).href)};
    const { hit } = createFailpoints(parseFailpoints("after-commit:kill:1"), Math.random);
    console.log("alive"); await hit("before-commit"); await hit("after-commit"); console.log("still alive");
  `;
  // `--import` keeps it one process, so that the signal seen is its own.
  const loader = new URL("../../../node_modules/tsx/dist/loader.mjs", import.meta.url).href;
  const child = spawn(process.execPath, ["--import", loader, "--input-type=module", "-e", program]);
  let stdout = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  const [, signal] = await once(child, "close");
  expect([stdout, signal]).toEqual(["alive\n", "SIGKILL"]);
});
