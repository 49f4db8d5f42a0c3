import { expect, test } from "vitest";
import { turns } from "../../../src/runtime/turns.ts";

function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

test("given two of one key and one of another, when the first is held, then the second waits and the other does not", async () => {
  const inTurn = turns<string>();
  const seen: string[] = [];
  const held = gate();
  const first = inTurn("a", async () => {
    seen.push("a1");
    await held.opened;
    seen.push("a1 ended");
  });
  const second = inTurn("a", async () => seen.push("a2"));
  await inTurn("b", async () => seen.push("b1"));
  expect(seen).toEqual(["a1", "b1"]);
  held.open();
  await Promise.all([first, second]);
  expect(seen).toEqual(["a1", "b1", "a1 ended", "a2"]);
});

test("given one that fails, when others of its key wait, then its caller gets the failure and they have their turn", async () => {
  const inTurn = turns<string>();
  const failing = inTurn("a", async () => {
    throw new Error("no");
  });
  const next = inTurn("a", async () => "yes");
  await expect(failing).rejects.toThrow("no");
  expect(await next).toBe("yes");
});
