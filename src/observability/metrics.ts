import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { RuntimeMetrics } from "../ports/metrics.ts";
import type { QueueCounts } from "../ports/queues.ts";

export interface Metrics extends RuntimeMetrics {
  readonly registry: Registry;
}

/** @param depths asked at each scrape. */
export function createMetrics(depths: () => Promise<readonly QueueCounts[]>): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const commits = counter("durabull_commits_total", "Commits to the event store.");
  const events = counter("durabull_events_total", "Events committed.");
  const fences = counter("durabull_lost_fences_total", "Commits refused because another writer was first.");
  const caches = counter("durabull_state_cache_total", "Loads of an execution's state.", ["result"]);
  const rescues = counter("durabull_rescues_total", "Jobs that were missing and had to be created again.", ["kind"]);
  const ended = counter("durabull_executions_ended_total", "Executions that ended, by status.", ["status"]);
  const letters = counter("durabull_dead_letters_total", "Dead letters parked.", ["kind"]);
  const faults = counter("durabull_engine_faults_total", "Wake-ups the engine could not process.");
  const expired = counter("durabull_executions_expired_total", "Executions removed because their retention was over.");
  const lateness = new Histogram({
    name: "durabull_timer_lateness_seconds",
    help: "How long after its time a timer was fired.",
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 30],
    registers,
  });
  const activities = new Histogram({
    name: "durabull_activity_seconds",
    help: "Time an activity took.",
    labelNames: ["kind", "outcome"],
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120],
    registers,
  });
  new Gauge({
    name: "durabull_queue_jobs",
    help: "Jobs by queue and state.",
    labelNames: ["queue", "state"],
    registers,
    async collect() {
      // A scrape is answered even while the queues are away; their gauges are then missing.
      for (const { queue, ...states } of await depths().catch(() => [])) {
        for (const [state, count] of Object.entries(states)) this.set({ queue, state }, count);
      }
    },
  });
  return {
    registry,
    commit(count) {
      commits.inc();
      events.inc(count);
    },
    lostFence: () => fences.inc(),
    cache: (hit) => caches.inc({ result: hit ? "hit" : "miss" }),
    rescue: (kind) => rescues.inc({ kind }),
    timerLateness: (ms) => lateness.observe(Math.max(0, ms) / 1000),
    activity: (kind, ok, ms) => activities.observe({ kind, outcome: ok ? "ok" : "error" }, ms / 1000),
    ended: (status) => ended.inc({ status }),
    deadLetter: (kind) => letters.inc({ kind }),
    engineFault: () => faults.inc(),
    expired: (executions) => expired.inc(executions),
  };
}
