import { expect, test } from "vitest";
import { sharedLook } from "../../../../src/runtime/schedules/shared-look.ts";

const key = (name: string) => ({ tenant: "t", namespace: "n", name });

test("given a look under way, when many ask, then one more is for all of them, and others have their own", async () => {
  const looks: string[] = [];
  const ends: (() => void)[] = [];
  const look = sharedLook(({ name }) => {
    looks.push(name);
    return new Promise<void>((end) => ends.push(end));
  });
  const first = look(key("a"));
  const rest = Array.from({ length: 5 }, () => look(key("a")));
  const other = look(key("b"));
  expect(looks).toEqual(["a", "b"]);
  ends[0]?.();
  ends[1]?.();
  await Promise.all([first, other]);
  await expect.poll(() => looks).toEqual(["a", "b", "a"]);
  let isIdle = false;
  const idle = look.idle().then(() => {
    isIdle = true;
  });
  ends[2]?.();
  await Promise.all(rest);
  await idle;
  expect(isIdle).toBe(true);
  const again = look(key("a"));
  expect(looks).toEqual(["a", "b", "a", "a"]);
  ends[3]?.();
  await again;
});

test("given a look that fails, when others wait for the next one, then that is made all the same", async () => {
  let looks = 0;
  const look = sharedLook(async () => {
    looks += 1;
    if (looks === 1) throw new Error("away");
  });
  const first = look(key("a"));
  const second = look(key("a"));
  await expect(first).rejects.toThrow("away");
  await second;
  expect(looks).toBe(2);
});
