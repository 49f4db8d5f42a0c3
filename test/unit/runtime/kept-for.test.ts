import { expect, test, vi } from "vitest";
import { keptFor } from "../../../src/runtime/kept-for.ts";

test("given an answer, when it is asked for again, then it serves until its time is over, for each key", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  let asked = 0;
  const ask = keptFor(1_000, async (key: string) => `${key}${++asked}`);
  expect([await ask("a"), await ask("a"), await ask("b")]).toEqual(["a1", "a1", "b2"]);
  vi.advanceTimersByTime(999);
  expect(await ask("a")).toBe("a1");
  vi.advanceTimersByTime(1);
  expect(await ask("a")).toBe("a3");
  vi.useRealTimers();
});

test("given a failure, when it is asked for again, then it is asked anew", async () => {
  let asked = 0;
  const ask = keptFor(1_000_000, async () => {
    asked += 1;
    if (asked === 1) throw new Error("away");
    return asked;
  });
  await expect(ask("a")).rejects.toThrow("away");
  expect(await ask("a")).toBe(2);
});
