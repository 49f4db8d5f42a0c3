import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Notice, Notices } from "../../src/ports/notices.ts";
import { newExecutionId } from "../../src/values/ids.ts";
import type { TestServer } from "../support/servers.ts";
import { eventually } from "./support/eventually.ts";

type Execution = Extract<Notice, { kind: "execution" }>;
const anExecution = (version = 7): Execution => ({
  kind: "execution",
  executionId: newExecutionId(3, 0),
  version,
  status: "RUNNING",
});

/** What was heard so far. */
function heardBy(notices: Notices) {
  const heard: Notice[] = [];
  const counts = { gaps: 0 };
  const stop = notices.listen({
    notice: (notice) => heard.push(notice),
    gap: () => {
      counts.gaps += 1;
    },
  });
  return { heard, counts, stop };
}

/** What every Notices promises. `open` gives another process's end of the same ones; the suite closes them. */
export function noticesContract(open: () => Notices, server: () => TestServer): void {
  let teller: Notices;
  let hearer: Notices;
  beforeEach(() => {
    teller = open();
    hearer = open();
  });
  afterEach(() => Promise.all([teller.close(), hearer.close()]));

  test("given a listener in another process, when something is told, then it hears it, after a first word to look", async () => {
    const { heard, counts } = heardBy(hearer);
    await eventually("it listens", () => hearer.connected());
    expect(counts.gaps).toBe(1);
    const told = [anExecution(), { kind: "changes", tenant: "acme" } as const];
    for (const notice of told) teller.tell(notice);
    await eventually("it is heard", () => heard.length === 2);
    expect(heard).toEqual(told);
  });

  test("given a listener in the same process, when something is told, then it has heard it at once, and once", async () => {
    const { heard } = heardBy(teller);
    const other = heardBy(hearer);
    await eventually("both listen", () => teller.connected() && hearer.connected());
    teller.tell(anExecution());
    expect(heard).toHaveLength(1);
    await eventually("it is heard", () => other.heard.length === 1);
    expect(heard).toHaveLength(1);
  });

  test("given many executions told in one moment, when another process hears, then it hears the latest of each", async () => {
    const { heard } = heardBy(hearer);
    await eventually("it listens", () => hearer.connected());
    const executions = Array.from({ length: 1_000 }, () => anExecution(1));
    for (const version of [1, 2, 3]) for (const each of executions) teller.tell({ ...each, version });
    const latest = () =>
      new Set(heard.flatMap((each) => (each.kind === "execution" && each.version === 3 ? [each.executionId] : [])));
    await eventually("it is heard", () => latest().size === executions.length);
    expect(heard.length).toBeLessThan(3 * executions.length);
  });

  test("given more subjects in one moment than are kept, when another process hears, then it is told to look", async () => {
    const { counts } = heardBy(hearer);
    await eventually("it listens", () => hearer.connected());
    for (let i = 0; i < 30_000; i++) teller.tell(anExecution());
    teller.tell(anExecution());
    await eventually("it is heard", () => {
      teller.tell(anExecution());
      return counts.gaps >= 2;
    });
  });

  test("given a listener that stopped, and one that throws, when something is told, then the others hear it", async () => {
    const stopped = heardBy(hearer);
    stopped.stop();
    hearer.listen({
      notice: () => {
        throw new Error("a listener of no use");
      },
      gap: () => undefined,
    });
    const { heard } = heardBy(hearer);
    await eventually("it listens", () => hearer.connected());
    teller.tell(anExecution());
    await eventually("it is heard", () => heard.length === 1);
    expect(stopped.heard).toEqual([]);
  });

  describe("when the server goes away", () => {
    test("given it is down, when something is told, then nothing throws, and once it is back listeners are told to look and hear again", async () => {
      const { heard, counts } = heardBy(hearer);
      await eventually("it listens", () => hearer.connected());
      await server().kill();
      await eventually("it notices", () => !hearer.connected());
      teller.tell(anExecution());
      await server().restart();
      await eventually("it listens", () => hearer.connected());
      expect(counts.gaps).toBeGreaterThanOrEqual(2);
      const later = anExecution();
      await eventually("it is heard", () => {
        teller.tell(later);
        return heard.some((each) => each.kind === "execution" && each.executionId === later.executionId);
      });
    });
  });

  test("given nobody who tells or listens, when it is closed, then nothing is left open", async () => {
    const unused = open();
    expect(unused.connected()).toBe(false);
    await unused.close();
  });
}
