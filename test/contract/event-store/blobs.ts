import { describe, expect, test } from "vitest";
import { withBlobs } from "../../../src/adapters/with-blobs.ts";
import { hashOf, partitionOfExecution } from "../../../src/values/ids.ts";
import { aCommit, aGroup, anAnswer, anExecutionId, aStart, taskStarted } from "../../support/build.ts";
import { eachWorld, type Open, present, tipOf } from "./world.ts";

export function blobContract(open: Open): void {
  const world = eachWorld(open);
  const texts = (...all: readonly string[]) => new Map(all.map((text) => [hashOf(text), text]));

  test("given texts, when they are put, again too, then they are found by hash, of their execution only", async () => {
    const { store, start } = world();
    const [one, other] = [await start(), await start()];
    const put = texts("größe 東京 🚀\n", "", "x".repeat(1_000_000));
    await store.putBlobs(one.executionId, put);
    await store.putBlobs(one.executionId, put);
    const hashes = [...put.keys()];
    expect(await store.blobs(one.executionId, [...hashes, hashOf("nothing")])).toEqual(put);
    expect(await store.blobs(other.executionId, hashes)).toEqual(new Map());
    expect(await store.blobs(one.executionId, [])).toEqual(new Map());
  });

  test("given texts put before a start, when the execution is started, then they stay, and go with it", async () => {
    const { store, partitions, rest } = world();
    const group = aGroup();
    const executionId = anExecutionId(group, partitions);
    const put = texts("early");
    await store.putBlobs(executionId, put);
    const { head } = await store.start(aStart(group, partitions, { executionId }));
    expect(await store.blobs(executionId, [...put.keys()])).toEqual(put);
    await rest(head, { status: "COMPLETED" });
    const kept = { closedForMs: 0, letteredForMs: 0 };
    expect(await store.expire(partitionOfExecution(executionId), kept, 10)).toHaveLength(1);
    expect(await store.blobs(executionId, [...put.keys()])).toEqual(new Map());
  });

  describe("given a store with large members kept apart", () => {
    const large = { text: "y".repeat(2_000), list: [], $blobs: ["text"], __proto__: null };

    test("when large values are written, then whoever reads sees them whole, and the store holds each once, apart", async () => {
      const { store, partitions } = world();
      const layered = withBlobs(store, 1_000);
      const started = await layered.start(aStart(aGroup(), partitions, { input: large }));
      const { executionId } = started.head;
      const committed = await commitLarge(layered, started.head.version, executionId);
      const read = present(await layered.read(executionId, { after: 0, inboxLimit: 10, snapshot: false }));
      expect(read.events.map(({ data }) => "input" in data && data.input)).toEqual([large, large]);
      expect(read.head.version).toBe(committed);
      expect(tipOf(read.events)).toBe(read.head.tip);
      const snapshot = present(await layered.read(executionId, { after: 0, inboxLimit: 10 })).snapshot;
      expect(snapshot).toEqual({ version: 2, state: { state: large, tip: "t" } });
      expect((await layered.describe(executionId))?.first.data).toMatchObject({ input: large });
      const page = { after: 0, limit: 10, order: "desc" } as const;
      expect((await layered.history(executionId, page))?.[0]?.data).toMatchObject({ input: large });

      const raw = JSON.stringify(await store.read(executionId, { after: 0, inboxLimit: 10, snapshot: false }));
      expect(raw.length).toBeLessThan(3_000);
      const hash = hashOf(JSON.stringify(large));
      expect([...(await store.blobs(executionId, [hash])).keys()]).toEqual([hash]);
    });

    test("when a large answer waits in the inbox, then it is read whole", async () => {
      const { store, withActivity } = world();
      const layered = withBlobs(store, 1_000);
      const { head, name } = await withActivity();
      expect(await layered.append(head.executionId, anAnswer(name, large))).toBe("accepted");
      const read = present(await layered.read(head.executionId, { after: 0, inboxLimit: 10 }));
      expect(read.inbox).toMatchObject([{ outcome: { ok: true, output: large } }]);
    });

    test("when a blob is missing, then reading says so instead of guessing", async () => {
      const { store, partitions } = world();
      const forgetful = withBlobs(
        new Proxy(store, {
          get: (target, name) =>
            name === "blobs" ? async () => new Map() : (Reflect.get(target, name) as CallableFunction).bind(target),
        }),
        1_000,
      );
      const { head } = await forgetful.start(aStart(aGroup(), partitions, { input: large }));
      await expect(forgetful.describe(head.executionId)).rejects.toMatchObject({ code: "DURABULL_CORRUPT_RECORD" });
    });

    async function commitLarge(layered: ReturnType<typeof withBlobs>, version: number, executionId: string) {
      const [head] = await layered.heads([executionId]);
      const snapshot = { state: large, tip: "t" };
      const committed = await layered.commit(
        executionId,
        aCommit(present(head), { events: [taskStarted(large)], snapshot }),
      );
      expect(committed).toMatchObject({ result: "committed", head: { version: version + 1 } });
      return version + 1;
    }
  });
}
