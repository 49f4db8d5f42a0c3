import { expect, test } from "vitest";
import { batches } from "../../../../src/adapters/bullmq/batches.ts";

/** A sender whose commands end when the test says so. */
function aSender() {
  const sent: (readonly string[])[] = [];
  const ends: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const send = (entries: readonly string[]) => {
    sent.push(entries);
    return new Promise<void>((resolve, reject) => ends.push({ resolve, reject }));
  };
  return { sent, ends, adding: batches(send, (entry) => entry, 3) };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("given nothing under way, when one is added, then it goes at once and alone", async () => {
  const { sent, ends, adding } = aSender();
  const added = adding.add("a");
  expect(sent).toEqual([["a"]]);
  ends[0]?.resolve();
  await added;
});

test("given a command under way, when others are added, then they share the next ones, sorted, and the same one goes once", async () => {
  const { sent, ends, adding } = aSender();
  const all = ["a", "z", "c", "c", "b", "d"].map((entry) => adding.add(entry));
  ends[0]?.resolve();
  await turn();
  ends[1]?.resolve();
  await turn();
  ends[2]?.resolve();
  await Promise.all(all);
  expect(sent).toEqual([["a"], ["b", "c", "z"], ["d"]]);
});

test("given one that was sent already, when it is added again, then it is sent again", async () => {
  const { sent, ends, adding } = aSender();
  const both = [adding.add("a"), adding.add("a")];
  ends[0]?.resolve();
  await turn();
  ends[1]?.resolve();
  await Promise.all(both);
  expect(sent).toEqual([["a"], ["a"]]);
});

test("given a command that fails, when others wait behind it, then all are told, and a later one is sent", async () => {
  const { sent, ends, adding } = aSender();
  const failed = ["a", "b"].map((entry) => adding.add(entry).catch((error: Error) => error.message));
  ends[0]?.reject(new Error("away"));
  expect(await Promise.all(failed)).toEqual(["away", "away"]);
  const later = adding.add("c");
  await turn();
  ends[1]?.resolve();
  await later;
  expect(sent).toEqual([["a"], ["c"]]);
});
