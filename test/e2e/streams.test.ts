import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CloudEvent, DurabullClient } from "../../src/client/index.ts";
import { apiOf, documentOf } from "../support/api.ts";
import { type ServiceProcess, startService } from "../support/service-process.ts";
import { type Environment, onEachStore } from "../support/stores.ts";

/** Streams open at once in the API process of Redis; a smaller number shows the same on the others. */
const STREAMS = Number(process.env.STREAMS ?? 1_000);
const AT_ONCE = 50;

async function inTurns<Item>(items: readonly Item[], act: (item: Item) => Promise<unknown>): Promise<void> {
  const left = [...items];
  const turn = async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await act(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, turn));
}

onEachStore((store) => {
  const count = store.name === "Redis" ? STREAMS : Math.ceil(STREAMS / 10);
  describe(`with the API and the workers in processes of their own${store.name.startsWith("embedded") ? " (here in one)" : ""}`, () => {
    const processes: ServiceProcess[] = [];
    let env: Environment;
    let url: string;
    let client: DurabullClient;
    beforeAll(async () => {
      env = await store.fresh();
      if (store.name === "embedded PostgreSQL") processes.push(await startService({ env }));
      else {
        processes.push(await startService({ env, entry: ["src/main.ts", "api"] }));
        processes.push(await startService({ env, entry: ["workers/workflow.ts"] }));
      }
      url = processes[0]?.url ?? "";
      client = new DurabullClient({ url });
    });
    afterAll(async () => {
      const codes = await Promise.all(processes.map((each) => each.stop()));
      expect(codes).toEqual(codes.map(() => 0));
    });

    test(`given ${count} streams at once, when the executions end in another process, then each sees its own end, and all of it`, async () => {
      const document = documentOf("- rest: { wait: { minutes: 10 } }");
      await client.registerDefinition(document);
      const name = /name: ([\w-]+)/.exec(document)?.[1] ?? "";
      const ids: string[] = [];
      const numbers = Array.from({ length: count }, (_, i) => i);
      await inTurns(numbers, async () => {
        ids.push((await client.start({ definition: { namespace: "e2e", name } })).executionId);
      });
      const seen = new Map<string, CloudEvent[]>(ids.map((id) => [id, []]));
      const begun: Promise<void>[] = [];
      const ended: Promise<void>[] = [];
      await inTurns(ids, async (id) => {
        let begin = () => {};
        begun.push(
          new Promise((resolve) => {
            begin = resolve;
          }),
        );
        ended.push(
          (async () => {
            for await (const event of client.follow(id)) {
              seen.get(id)?.push(event);
              begin();
            }
          })(),
        );
        await begun.at(-1);
      });
      await Promise.all(begun);
      const over = [...seen.values()].filter((events) => events.at(-1)?.type === "io.flunq.execution.cancelled");
      expect(over).toHaveLength(0);
      await inTurns(ids, (id) => client.cancel(id));
      await Promise.all(ended);
      expect(seen.size).toBe(count);
      for (const [id, events] of seen) {
        expect(events.at(-1)).toMatchObject({ type: "io.flunq.execution.cancelled", executionid: id });
        expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, i) => i + 1));
      }
    });

    test("given a wait for the end, when it ends in another process, then it is answered, with its output", async () => {
      const document = documentOf("- nap: { wait: { milliseconds: 200 } }\n- done: { set: { ok: true } }");
      const answers = await Promise.all(
        Array.from({ length: 5 }, () => client.start({ document }, { waitMs: 30_000 })),
      );
      for (const answer of answers) expect(answer).toMatchObject({ status: "COMPLETED", output: { ok: true } });
    });

    test("given a stream of status changes, when executions end in another process, then they are told", async () => {
      const abort = new AbortController();
      const statuses: string[] = [];
      const labels = { "seen-by": "changes" };
      for await (const change of client.changes({ labels }, { signal: abort.signal })) {
        if (change.kind === "ready") {
          await client.start({ document: documentOf("- nap: { wait: { milliseconds: 100 } }"), labels });
        } else if (change.kind === "status") {
          statuses.push(change.execution.status);
          if (change.execution.endedAt !== undefined) break;
        }
      }
      expect(statuses[0]).toBe("PENDING");
      expect(statuses.at(-1)).toBe("COMPLETED");
      const [first] = processes;
      if (first) expect(await apiOf(first).rescues()).toBe(0);
    });

    // One process is all there can be of an embedded store.
    if (store.name === "embedded PostgreSQL") return;
    test("given the API process killed and started again, when a stream was open, then the client goes on and misses nothing", async () => {
      const [api] = processes;
      if (api === undefined) throw new Error("there is no API process");
      const port = new URL(url).port;
      const { executionId } = await client.start({ document: documentOf("- rest: { wait: { minutes: 10 } }") });
      const sequences: number[] = [];
      let restarted = false;
      for await (const { sequence, type } of client.follow(executionId)) {
        sequences.push(sequence);
        if (type !== "io.flunq.timer.scheduled" || restarted) continue;
        restarted = true;
        await api.kill();
        processes[0] = await startService({ env: { ...env, PORT: port }, entry: ["src/main.ts", "api"] });
        await client.cancel(executionId);
      }
      expect(sequences).toEqual(sequences.map((_, i) => i + 1));
      expect((await client.execution(executionId)).historyLength).toBe(sequences.length);
    });
  });
});
