import type { HealthRegistry, HealthReport } from "../api/routes/health.ts";
import type { EventStore } from "../ports/event-store.ts";
import type { Queues } from "../ports/queues.ts";

/** Where a process is in its life. */
export interface Life {
  phase: "starting" | "running" | "draining";
}

export function createHealth(life: Life, events: EventStore, queues: Queues): HealthRegistry {
  return {
    live: () => ({ ok: true, checks: { process: { ok: true } } }),
    started: () => ({
      ok: life.phase !== "starting",
      checks: { process: { ok: life.phase !== "starting", detail: life.phase } },
    }),
    async ready(): Promise<HealthReport> {
      const [store, jobs] = await Promise.all([
        answer(async () => void (await events.now())),
        answer(async () => void (await queues.counts())),
      ]);
      const running = { ok: life.phase === "running", detail: life.phase };
      const ok = store.ok && jobs.ok && running.ok;
      const checks = { process: running, store, queues: jobs };
      return ok ? { ok, checks, durability: await events.durability() } : { ok, checks };
    },
  };
}

async function answer(ask: () => Promise<void>): Promise<{ ok: boolean; detail?: string }> {
  try {
    await ask();
    return { ok: true };
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}
