import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Database } from "../ports/database.ts";
import type { EventLoad } from "../ports/event-log.ts";
import type { RuntimeMetrics } from "../ports/metrics.ts";
import type { QueueLoad, Queues } from "../ports/queues.ts";

export interface Metrics extends RuntimeMetrics {
  readonly registry: Registry;
  /** From now on the gauges of queues are asked of these, at each scrape. */
  watch(queues: Pick<Queues, "counts" | "load" | "loadNames">): void;
  /** And those of events of these. */
  watchEvents(database: EventLoads): void;
  /** And that of local dispatch of this. */
  watchLocal(local: { size(): number }): void;
}
type EventLoads = Pick<Database, "tenants" | "eventLoad">;

/** Seconds; steps inside the engine take microseconds, those outside up to minutes. */
const LATENCY_BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const TIMER_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 30];

/** What the service counts, with Node's own figures (event loop, heap, garbage collection, CPU). */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: readonly number[], labelNames: readonly string[] = []) =>
    new Histogram({ name, help, labelNames, buckets: [...buckets], registers });
  const started = counter("durabull_executions_started_total", "Executions opened through this process.");
  const ended = counter("durabull_executions_ended_total", "Executions that ended, by status.", ["status"]);
  const commits = counter("durabull_commits_total", "Commits to the event store.");
  const events = counter("durabull_events_total", "Events committed.");
  const fences = counter("durabull_lost_fences_total", "Commits refused because another writer was first.");
  const caches = counter("durabull_state_cache_total", "Loads of an execution's state.", ["result"]);
  const rescues = counter("durabull_rescues_total", "Jobs that were missing and had to be created again.", ["kind"]);
  const orphans = counter("durabull_orphans_total", "Jobs and answers that nobody was owed any more.", ["kind"]);
  const redelivered = counter("durabull_redelivered_total", "Jobs run again as their holder died or stalled.", [
    "queue",
  ]);
  const letters = counter("durabull_dead_letters_total", "Dead letters parked.", ["kind"]);
  const faults = counter("durabull_engine_faults_total", "Wake-ups the engine could not process.");
  const published = counter("durabull_events_published_total", "Events published by emit tasks or over the API.");
  const delivered = counter(
    "durabull_events_delivered_total",
    "Events put before a subscription that may be waiting for them.",
  );
  const deliveries = histogram(
    "durabull_event_delivery_seconds",
    "From when an event was published until it was put before a subscription.",
    LATENCY_BUCKETS,
  );
  const deferrals = counter(
    "durabull_events_deferred_total",
    "Events that could not be put before a subscription yet, by reason.",
    ["reason"],
  );
  const sendings = histogram(
    "durabull_event_sink_seconds",
    "Time a try took to send an event to a sink.",
    LATENCY_BUCKETS,
    ["outcome"],
  );
  const firings = counter("durabull_schedule_firings_total", "Moments of schedules that led to an execution.");
  const firingLateness = histogram(
    "durabull_schedule_lateness_seconds",
    "How long after its nominal time a scheduled execution was decided on.",
    [...TIMER_BUCKETS, 60, 600, 3_600],
  );
  const skips = counter("durabull_schedule_skipped_total", "Moments of schedules that came to nothing, by reason.", [
    "reason",
  ]);
  const expired = counter("durabull_executions_expired_total", "Executions removed because their retention was over.");
  const lateness = histogram(
    "durabull_timer_lateness_seconds",
    "How long after its time a timer fired.",
    TIMER_BUCKETS,
  );
  const waits = histogram(
    "durabull_schedule_to_start_seconds",
    "From when an activity was asked for until a worker began it.",
    LATENCY_BUCKETS,
    ["kind"],
  );
  const steps = histogram("durabull_step_seconds", "From the start of a task to its end.", LATENCY_BUCKETS, [
    "kind",
    "outcome",
  ]);
  const activities = histogram("durabull_activity_seconds", "Time an activity took.", LATENCY_BUCKETS, [
    "kind",
    "outcome",
  ]);
  // Shown from the first scrape on: an increase from nothing to one is seen by no alert.
  for (const kind of ["wake", "activity", "timer", "child", "subscription", "schedule", "letter"])
    rescues.inc({ kind }, 0);
  for (const kind of ["job", "answer"]) orphans.inc({ kind }, 0);
  for (const kind of ["event", "activity", "execution"]) letters.inc({ kind }, 0);
  for (const reason of ["missed", "overlap", "paused", "too-large", "given-up"]) skips.inc({ reason }, 0);
  for (const reason of ["inbox-full", "failed"]) deferrals.inc({ reason }, 0);
  for (const outcome of ["ok", "error"]) sendings.zero({ outcome });
  for (const status of ["COMPLETED", "FAILED", "CANCELLED"]) ended.inc({ status }, 0);
  for (const result of ["hit", "miss"]) caches.inc({ result }, 0);
  return {
    registry,
    watch: (queues) => watchQueues(registry, queues),
    watchEvents: (database) => watchEventLog(registry, database),
    watchLocal(local) {
      new Gauge({
        name: "durabull_local_activities",
        help: "Activities that this process has in hand by local dispatch, without a job.",
        registers,
        collect() {
          this.set(local.size());
        },
      });
    },
    started: () => started.inc(),
    ended: (status) => ended.inc({ status }),
    commit(count) {
      commits.inc();
      events.inc(count);
    },
    lostFence: () => fences.inc(),
    cache: (hit) => caches.inc({ result: hit ? "hit" : "miss" }),
    rescue: (kind) => rescues.inc({ kind }),
    orphan: (kind) => orphans.inc({ kind }),
    redelivered: (queue) => redelivered.inc({ queue }),
    deadLetter: (kind) => letters.inc({ kind }),
    engineFault: () => faults.inc(),
    timerLateness: (ms) => lateness.observe(seconds(ms)),
    scheduleFired(ms) {
      firings.inc();
      firingLateness.observe(seconds(ms));
    },
    scheduleSkipped: (reason) => skips.inc({ reason }),
    scheduleToStart: (kind, ms) => waits.observe({ kind }, seconds(ms)),
    step: (kind, outcome, ms) => steps.observe({ kind, outcome }, seconds(ms)),
    activity: (kind, ok, ms) => activities.observe({ kind, outcome: ok ? "ok" : "error" }, seconds(ms)),
    published: (events) => published.inc(events),
    delivered(ms) {
      delivered.inc();
      deliveries.observe(seconds(ms));
    },
    deferred: (reason) => deferrals.inc({ reason }),
    sent: (ok, ms) => sendings.observe({ outcome: ok ? "ok" : "error" }, seconds(ms)),
    expired: (executions) => expired.inc(executions),
  };
}

/** Asked at each scrape, which is answered even while the queues are away: their gauges are then missing. */
function watchQueues(registry: Registry, queues: Pick<Queues, "counts" | "load" | "loadNames">): void {
  const registers = [registry];
  new Gauge({
    name: "durabull_queue_jobs",
    help: "Jobs by queue and state.",
    labelNames: ["queue", "state"],
    registers,
    async collect() {
      this.reset();
      for (const { queue, ...states } of await queues.counts().catch(() => [])) {
        for (const [state, count] of Object.entries(states)) this.set({ queue, state }, count);
      }
    },
  });
  const load = loadsOf(queues);
  new Gauge({
    name: "durabull_queue_due_timers",
    help: "Delayed jobs whose time has come and that no worker has taken, by queue.",
    labelNames: ["queue"],
    registers,
    async collect() {
      this.reset();
      for (const { queue, due } of await load().catch(() => [])) this.set({ queue }, due);
    },
  });
  new Gauge({
    name: "durabull_queue_oldest_age_seconds",
    help: "Since the oldest job of a queue could have been taken; 0 when none waits.",
    labelNames: ["queue"],
    registers,
    async collect() {
      this.reset();
      for (const { queue, oldestAgeMs } of await load().catch(() => [])) this.set({ queue }, seconds(oldestAgeMs));
    },
  });
}

/** As those of the queues. */
function watchEventLog(registry: Registry, database: EventLoads): void {
  const load = shared(async () => database.eventLoad(await database.tenants()));
  const gauge = (name: string, help: string, of: (load: EventLoad) => number) =>
    new Gauge({
      ...{ name, help, registers: [registry] },
      async collect() {
        this.reset();
        const found = await load().catch(() => undefined);
        if (found !== undefined) this.set(of(found));
        else this.remove();
      },
    });
  gauge("durabull_events_undelivered", "Events that nobody has delivered yet.", (each) => each.undelivered);
  gauge("durabull_events_undelivered_age_seconds", "Since the oldest of them was published; 0 without any.", (each) =>
    seconds(each.oldestAgeMs),
  );
  gauge("durabull_event_subscriptions", "Executions and schedules that wait for events.", (each) => each.subscriptions);
}

/** Asked for once by all who want to know at the same time. */
function shared<Value>(ask: () => Promise<Value>): () => Promise<Value> {
  let asking: Promise<Value> | undefined;
  return () => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };
}

/** The load of every queue, asked for once by all who want to know at the same time. */
function loadsOf(queues: Pick<Queues, "load" | "loadNames">): () => Promise<readonly NamedLoad[]> {
  return shared(async () => {
    const names = await queues.loadNames();
    const loads = await Promise.all(names.map(async (queue) => ({ queue, load: await queues.load(queue) })));
    return loads.flatMap(({ queue, load }) => (load === null ? [] : [{ queue, ...load }]));
  });
}

interface NamedLoad extends QueueLoad {
  readonly queue: string;
}

function seconds(ms: number): number {
  return Math.max(0, ms) / 1_000;
}
