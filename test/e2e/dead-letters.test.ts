import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Api, apiOf, documentOf, eventually, type Letter } from "../support/api.ts";
import { type Outside, startOutside } from "../support/outside.ts";
import { type ServiceProcess, startService } from "../support/service-process.ts";
import { onEachStore } from "../support/stores.ts";

onEachStore((store) => {
  let env: Readonly<Record<string, string>>;
  let outside: Outside;
  let service: ServiceProcess;
  let api: Api;
  const run = async (more: Readonly<Record<string, string>> = {}) => {
    service = await startService({ env: { ...env, ...more } });
    api = apiOf(service);
  };
  const callOf = (path: string) =>
    documentOf(`- ask: {call: http, with: {method: get, endpoint: "${outside.url}${path}"}}`);
  const letterOf = (executionId: string): Promise<Letter | undefined> =>
    eventually(
      () => api.letterOf(executionId),
      (letter) => letter !== undefined,
    );
  /** The one job by which Bull Board shows a letter, under *failed*. */
  const shown = async (letter: Letter | undefined) => {
    const jobs = await eventually(
      async () => (await api.board()).filter(({ data }) => data.executionId === letter?.executionId),
      (all) => all.length === 1 && all[0]?.data.id === letter?.id,
    );
    if (jobs[0] === undefined) throw new Error("not shown");
    return jobs[0];
  };
  const gone = (executionId: string) =>
    eventually(
      () => api.board(),
      (jobs) => jobs.every(({ data }) => data.executionId !== executionId),
    );

  beforeAll(async () => {
    outside = await startOutside();
    env = await store.fresh();
  });
  afterAll(async () => {
    await service.stop();
    await outside.close();
  });

  describe("given an execution that failed because a service was down", () => {
    let executionId: string;
    const fail = async (path: string) => {
      outside.answer(path, () => ({ status: 503, body: { sorry: true } }));
      ({ executionId } = await api.start(callOf(path)));
      expect(await api.ended(executionId)).toMatchObject({ status: "FAILED", error: { status: 503 } });
    };
    beforeAll(() => run());

    test("when Bull Board retries its dead letter once the service is up, then it completes", async () => {
      await fail("/board");
      const letter = await letterOf(executionId);
      expect(letter).toMatchObject({ kind: "execution", error: { status: 503 } });
      const job = await shown(letter);
      expect(job.failedReason).toContain("503");

      outside.answer("/board", () => ({ body: { up: true } }));
      expect((await api.boardRetry(job.id)).status).toBeLessThan(300);

      const done = await api.until(executionId, ({ status }) => status === "COMPLETED");
      expect(done.output).toEqual({ up: true });
      await gone(executionId);
      expect((await api.letterOf(executionId))?.redrivenAt).toBeDefined();
      expect(await api.rescues()).toBe(0);
    });

    test("when the API redrives its dead letter twice, then the first completes it and the second is refused", async () => {
      await fail("/api");
      const letter = await letterOf(executionId);
      await shown(letter);
      outside.answer("/api", () => ({ body: { up: true } }));
      const [first, second] = [await api.redrive(letter?.id ?? ""), await api.redrive(letter?.id ?? "")];

      expect([first.status, second.status]).toEqual([202, 409]);
      expect(second.body.code).toBe("DURABULL_LETTER_ALREADY_REDRIVEN");
      const done = await api.until(executionId, ({ status }) => status === "COMPLETED");
      expect(done.output).toEqual({ up: true });
      await gone(executionId);
      const retried = (await api.history(executionId)).filter(({ type }) => type === "io.flunq.execution.retried");
      expect(retried).toHaveLength(1);
      expect(await api.rescues()).toBe(0);
    });

    test("when it fails again after a redrive, then there is a new dead letter, which completes it", async () => {
      await fail("/again");
      const first = await letterOf(executionId);
      expect((await api.redrive(first?.id ?? "")).status).toBe(202);
      const second = await eventually(
        () => api.letterOf(executionId),
        (letter) => letter?.id !== first?.id,
      );
      expect(second).toMatchObject({ kind: "execution" });
      outside.answer("/again", () => ({ body: { up: true } }));
      const job = await shown(second);
      expect((await api.boardRetry(job.id)).status).toBeLessThan(300);
      await api.until(executionId, ({ status }) => status === "COMPLETED");
      expect(outside.calls.filter(({ path }) => path === "/again")).toHaveLength(3);
      expect(await api.rescues()).toBe(0);
    });
  });

  describe("given an engine that cannot process an execution", () => {
    let byBoard: string;
    let byApi: string;
    beforeAll(async () => {
      await service.stop();
      await run({ DURABULL_FAILPOINT: "before-decide:throw:1" });
    });

    test("when it has tried often enough, then a dead letter says so and the execution waits", async () => {
      byBoard = (await api.start(callOf("/event"))).executionId;
      byApi = (await api.start(callOf("/event"))).executionId;
      for (const id of [byBoard, byApi]) {
        const letter = await letterOf(id);
        expect(letter).toMatchObject({ kind: "event", attempts: 3 });
        expect((await api.view(id)).waitingFor[0]?.kind).toBe("dead-letter");
        await shown(letter);
      }
      expect(outside.calls.filter(({ path }) => path === "/event")).toEqual([]);
    });

    test("when the cause is gone and its dead letter is retried, then it completes", async () => {
      await service.stop();
      await run();
      expect((await api.boardRetry((await shown(await letterOf(byBoard))).id)).status).toBeLessThan(300);
      expect((await api.redrive((await letterOf(byApi))?.id ?? "")).status).toBe(202);
      for (const id of [byBoard, byApi]) {
        expect(await api.ended(id)).toMatchObject({ status: "COMPLETED", output: { ok: true } });
        await gone(id);
      }
      expect((await api.redrive((await letterOf(byApi))?.id ?? "")).status).toBe(409);
    });
  });

  describe("given an activity whose process dies with it", () => {
    let executionId: string;
    beforeAll(async () => {
      await service.stop();
      // The delay: so that the wake-up that asked for it has ended and does not die with it, which would count too.
      await run({ DURABULL_FAILPOINT: "after-claim:delay1500:1,after-claim:kill:1" });
    });

    test("when it has died often enough, then the activity is a dead letter and the execution stays open", async () => {
      executionId = (await api.start(callOf("/activity"))).executionId;
      expect(await service.exited).toBeNull();
      await run({ WORKFLOW_MAX_RETRIES: "1" });
      expect(await letterOf(executionId)).toMatchObject({ kind: "activity", attempts: 1 });
      expect((await api.view(executionId)).waitingFor[0]?.kind).toBe("dead-letter");
      expect(outside.calls.filter(({ path }) => path === "/activity")).toEqual([]);
    });

    test("when Bull Board retries it without the cause, then it completes with one call", async () => {
      expect((await api.boardRetry((await shown(await letterOf(executionId))).id)).status).toBeLessThan(300);
      expect(await api.ended(executionId)).toMatchObject({ status: "COMPLETED", output: { ok: true } });
      await gone(executionId);
      expect(outside.calls.filter(({ path }) => path === "/activity")).toHaveLength(1);
    });
  });
});
