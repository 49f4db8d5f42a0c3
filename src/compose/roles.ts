import { randomUUID } from "node:crypto";
import type { Dispatcher } from "undici";
import { createEnvSecrets } from "../adapters/secrets/env.ts";
import { createFileSecrets } from "../adapters/secrets/files.ts";
import type { Config } from "../config/index.ts";
import { compileStored } from "../dsl/index.ts";
import { SUBSCRIPTION_QUEUE } from "../engine/index.ts";
import { createAuthenticator } from "../executors/auth/authenticator.ts";
import { createCodeExecutor } from "../executors/call-code.ts";
import { agentOf, createHttpExecutor } from "../executors/call-http.ts";
import { createOpenApiExecutor } from "../executors/call-openapi.ts";
import { lazily } from "../executors/lazily.ts";
import { removeAbandoned } from "../executors/process/own-directory.ts";
import { createProcessExecutors } from "../executors/processes.ts";
import { createResourceFetcher } from "../executors/resources/fetch-resource.ts";
import { sendEventFunction } from "../executors/send-event.ts";
import { createServiceExecutors } from "../executors/services.ts";
import type { DefinedFunction } from "../functions/index.ts";
import type { Hider } from "../observability/hider.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { Log } from "../ports/executor.ts";
import type { Notices } from "../ports/notices.ts";
import type { Consumer } from "../ports/queues.ts";
import type { Tracing } from "../ports/tracing.ts";
import { ActivitiesInHand } from "../runtime/activities-in-hand.ts";
import { createAdmission } from "../runtime/admission.ts";
import { createDefinitions } from "../runtime/compiled-definitions.ts";
import { redrive } from "../runtime/dead-letters.ts";
import { createEventDelivery } from "../runtime/deliver-events.ts";
import { SEND_EVENT, sinkIdOf } from "../runtime/event-sinks.ts";
import { createFailpoints } from "../runtime/failpoints.ts";
import { createFunctionQueues } from "../runtime/function-queues.ts";
import { createHeadWatcher, type HeadWatcher } from "../runtime/head-watcher.ts";
import { type AnswerLocally, NO_LOCAL_ACTIVITIES } from "../runtime/local-activities.ts";
import { createLocalPerformer } from "../runtime/local-performer.ts";
import type { Ports, RuntimeSettings } from "../runtime/ports.ts";
import { createWakeProcessor } from "../runtime/process-wake.ts";
import { createPublisher } from "../runtime/publish-events.ts";
import { createReconciler } from "../runtime/reconcile.ts";
import { createResources } from "../runtime/resources.ts";
import { runActivity } from "../runtime/run-activity.ts";
import { createScheduler, type SchedulerSettings } from "../runtime/schedules/scheduler.ts";
import { createStandIn } from "../runtime/stand-in.ts";
import { createStarter, type StartPorts } from "../runtime/start-execution.ts";
import { createStoreClock } from "../runtime/store-clock.ts";
import { endLeases } from "../runtime/take-over.ts";
import { tenantMaker } from "../runtime/tenant-maker.ts";
import { type Fire, NO_TIMERS_HERE } from "../runtime/timers-here.ts";
import { NO_WAKES_HERE } from "../runtime/wakes-here.ts";
import type { Adapters } from "./adapters.ts";
import type { ShortWays } from "./short-ways.ts";

/** A part of the work that a process does; `drain` stops taking, and finishes or hands back what is in hand. */
export interface Role {
  readonly name: string;
  drain(graceMs: number): Promise<void>;
}

/** Events decided per commit before others get their turn. */
const SLICE_EVENTS = 1_000;
/** And how long deciding may take: all of a process, its answers to the API and its locks included, stands still meanwhile. */
const SLICE_MS = 100;
const SNAPSHOT_EVERY = 500;
/** Steps quicker than this are not settled one by one; an execution that rests is settled this much later. */
const SETTLE_AFTER_MS = 500;
const RECONCILE_EVERY_MS = 1_000;
const ACTIVITY_LEASE_MS = 30_000;
/** As the locks of activities (bullmq.config.ts): the event loop may stand still for the difference before others repeat what is in hand. */
const LOCAL_LEASE_MS = 3_000;
const LOCAL_RENEWAL_MS = 500;
/** How soon local dispatch heeds that somebody paused a queue. */
const PAUSES_EVERY_MS = 1_000;
/** How soon a worker learns that an activity in hand is no longer owed. */
const STILL_OWED_EVERY_MS = 1_000;
/** An event that comes again is known so long, where events are kept for longer than that. */
const MOST_REPEATS_KNOWN_MS = 7 * 86_400_000;
const ANNOUNCE_EVERY_MS = 10_000;
const ANNOUNCED_FOR_MS = 30_000;

/** What the runtime works with, from the adapters and the configuration. */
export function runtimePorts(
  config: Config,
  adapters: Adapters,
  { metrics, tracing, log }: { readonly metrics: Metrics; readonly tracing: Tracing; readonly log: Log },
  version: string,
  { activities, wakes, timers }: Pick<ShortWays, "activities" | "wakes" | "timers">,
): Ports {
  const settings: RuntimeSettings = {
    eventBatchSize: config.eventBatchSize,
    sliceEvents: SLICE_EVENTS,
    sliceMs: SLICE_MS,
    eventProcessingTimeoutMs: config.eventProcessingTimeoutMs,
    eventRetryAttempts: config.eventRetryAttempts,
    eventRetryDelayMs: config.eventRetryDelayMs,
    maxDeaths: config.maxDeaths,
    activityLeaseMs: ACTIVITY_LEASE_MS,
    localLeaseMs: LOCAL_LEASE_MS,
    timerPrecisionMs: config.timerPrecisionMs,
    timerHorizonMs: config.timerHorizonMs,
    settleAfterMs: SETTLE_AFTER_MS,
    reconcileEveryMs: RECONCILE_EVERY_MS,
    partitions: adapters.partitions,
    childDepth: config.childDepth,
    limits: { payloadBytes: config.payloadMaxBytes, historyEvents: config.historyMaxEvents },
    lifecycle: config.lifecycleEvents,
    sinks: { ids: config.eventSinks.map(sinkIdOf), retries: config.eventSinkRetries },
    retention: { closedForMs: config.retentionClosedMs, letteredForMs: config.retentionDeadLettersMs },
    snapshotEvery: SNAPSHOT_EVERY,
    runtime: { name: "durabull", version },
  };
  const { events, database, queues } = adapters;
  const definitions = createDefinitions(database, compileStored);
  const failpoints = createFailpoints(config.failpoints, Math.random);
  const schedulePorts = { events, database, queues, definitions, log, metrics, failpoints };
  const kept = { ms: config.eventRetentionMs, count: config.lifecycleEventsKept };
  const schedules = createScheduler({
    ...schedulePorts,
    start: createStarter({ ...startPorts(config, adapters), ...schedulePorts }),
    settings: schedulerSettings(config, adapters.partitions),
  });
  return {
    ...{ events, database, queues, definitions, log, metrics, tracing, failpoints, settings },
    local: activities ?? NO_LOCAL_ACTIVITIES,
    wakesHere: wakes ?? NO_WAKES_HERE,
    timersHere: timers ?? NO_TIMERS_HERE,
    functionQueues: createFunctionQueues(database),
    publisher: createPublisher(database, kept),
    schedules,
    delivery: createEventDelivery({ ...schedulePorts, schedules }),
  };
}

export function schedulerSettings(config: Config, partitions: number): SchedulerSettings {
  return {
    partitions,
    timeZone: config.scheduleTimeZone,
    catchUp: config.scheduleCatchUp,
    overlap: config.scheduleOverlap,
    missedAfterMs: config.scheduleMissedAfterMs,
    catchUpWithinMs: config.scheduleCatchUpWithinMs,
    timerHorizonMs: config.timerHorizonMs,
    timerPrecisionMs: config.timerPrecisionMs,
    payloadBytes: config.payloadMaxBytes,
    repeatsKnownMs: Math.min(config.eventRetentionMs, MOST_REPEATS_KNOWN_MS),
  };
}

function startPorts(config: Config, { events, database, partitions }: Adapters): StartPorts {
  const limits = {
    openExecutions: config.tenantMaxOpenExecutions,
    startsPerSecond: config.tenantMaxStartsPerSecond,
  };
  return {
    ...{ events, database, partitions },
    defaultTimeoutMs: config.workflowTimeoutMs,
    now: Date.now,
    ensureTenant: tenantMaker(database),
    admission: createAdmission(events, limits),
    payloadMaxBytes: config.payloadMaxBytes,
  };
}

export interface WorkflowRole extends Role {
  readonly answer: AnswerLocally;
}

/** Takes wake-ups and timers, and looks after what is late. */
export async function startWorkflowRole(config: Config, ports: Ports, short: ShortWays): Promise<WorkflowRole> {
  const options = { concurrency: config.workerConcurrency, recover: config.reclaim };
  if (config.localWakes && config.reclaim) await endLeases(ports);
  const { clock } = short;
  const wakes = createWakeProcessor(ports, short.cache, clock);
  // Who pauses wake-ups wants nothing decided: what comes meanwhile waits in the store, and its job in the queue.
  const isPaused = () => short.wakes?.isPaused() === true;
  const fire: Fire = async (...of) => !isPaused() && (await wakes.fire(...of));
  const answer: AnswerLocally = async (...of) => !isPaused() && (await wakes.answer(...of));
  const consumers = [
    ports.queues.consumeWakes((group, delivery) => wakes.processWake(group, delivery), options),
    ports.queues.consumeTimers(async (job, { redelivered }) => {
      if (await short.timers?.fired(job.executionId, job.name)) return "done";
      if (job.fireAt > (clock.passed() ?? 0)) {
        const now = await ports.events.now();
        if (job.fireAt > now) return { again: job.fireAt, now };
      }
      if (job.schedule !== undefined) {
        await ports.schedules.look({ tenant: job.tenant, ...job.schedule });
        return "done";
      }
      // A process that died with it may have died of it: deaths are counted where wake-ups are taken.
      const fired = config.localWakes && !redelivered && (await fire(job.executionId, job.fireAt));
      if (!fired) await ports.queues.wake(job, "timer.fired");
      return "done";
    }, options),
  ];
  await Promise.all(consumers.map((consumer) => consumer.ready()));
  const paused = short.wakes && watchPause(() => ports.queues.areWakesPaused(), short.wakes.pause);
  short.wakes?.serve(wakes.lookHere);
  short.timers?.serve(fire);
  const reconciler = config.reclaim ? createReconciler(ports) : null;
  reconciler?.start();
  return {
    name: "workflow",
    answer,
    async drain(graceMs) {
      await reconciler?.stop();
      paused?.stop();
      // What is in hand here is decided on here.
      await Promise.all([
        short.timers?.drain(graceMs),
        short.activities?.drain(graceMs),
        short.wakes?.drain(graceMs),
        ...consumers.map((consumer) => consumer.close(graceMs)),
      ]);
      await wakes.flush();
    },
  };
}

/** Tells whether something is paused, about a second late; what was known last while the queues do not answer. */
function watchPause(ask: () => Promise<boolean>, tell: (isPaused: boolean) => void) {
  const look = () => ask().then(tell, () => undefined);
  void look();
  const timer = setInterval(look, PAUSES_EVERY_MS).unref();
  return { stop: () => clearInterval(timer) };
}

/** Looks after what comes due while no workflow worker lives: the API process's part of scaling them to zero. */
export function startStandInRole(config: Config, ports: Ports): Role {
  const standIn = config.reclaim ? createStandIn(ports, createReconciler(ports), RECONCILE_EVERY_MS) : null;
  standIn?.start();
  return { name: "stand-in", drain: async () => standIn?.stop() };
}

export interface TaskRoleOptions {
  /** Told of secrets as they are read from files. */
  readonly hider: Pick<Hider, "add">;
  readonly notices: Notices;
  readonly aroundAgent?: ((agent: Dispatcher) => Dispatcher) | undefined;
  /** The workflow worker of this process, and the short ways to it. */
  readonly workflow?: { readonly short: ShortWays; readonly answer: AnswerLocally } | undefined;
}

/** Takes activities: of the common queue, of that of subscriptions, and of every queue a function of this process names. */
export async function startTaskRole(
  config: Config,
  ports: Ports,
  given: readonly DefinedFunction[],
  { hider, notices, aroundAgent = (agent) => agent, workflow }: TaskRoleOptions,
): Promise<Role> {
  const sinks = config.eventSinks.map((url) => ({ id: sinkIdOf(url), url }));
  const functions =
    sinks.length === 0
      ? given
      : [...given, sendEventFunction(SEND_EVENT, sinks, config.eventSinkSecret, ports.metrics.sent)];
  const policy = {
    allowPrivateNetwork: config.allowPrivateNetwork,
    allowedHosts: config.httpAllowedHosts,
    maxResponseBytes: config.httpMaxResponseBytes,
    tracing: ports.tracing,
  };
  const agent = aroundAgent(agentOf(policy));
  const authenticator = createAuthenticator(agent);
  const fetchResource = createResourceFetcher({
    agent,
    authenticator,
    maxBytes: config.resourceMaxBytes,
    timeoutMs: config.resourceTimeoutMs,
    directory: config.resourcesDir,
    catalog: config.catalogDir,
  });
  const documents = { maxFiles: config.resourceMaxFiles, maxBytes: config.resourceMaxBytes };
  const processPolicy = {
    allowed: config.runAllowed,
    limits: {
      timeoutMs: config.runTimeoutMs,
      memoryBytes: config.runMaxMemoryBytes,
      outputBytes: config.runMaxOutputBytes,
    },
  };
  const processes = createProcessExecutors(processPolicy);
  void removeAbandoned();
  const services = createServiceExecutors({ ...policy, documents, authenticator, processes: processPolicy });
  let watcher: HeadWatcher | undefined;
  const inHand = new ActivitiesInHand(ports.events, ports.log, ports.settings.activityLeaseMs, STILL_OWED_EVERY_MS);
  const environment = createEnvSecrets(config.secrets);
  const activityPorts = {
    ...ports,
    executors: {
      http: createHttpExecutor({ ...policy, agent, authenticator }),
      openapi: createOpenApiExecutor({ ...policy, agent, authenticator, documents }),
      grpc: lazily(async () => {
        const { createGrpcExecutor } = await import("../executors/call-grpc.ts");
        return createGrpcExecutor({ ...policy, authenticator });
      }),
      code: createCodeExecutor(functions),
      ...services.executors,
      ...processes.executors,
    },
    functions: new Set(functions.map(({ name }) => name)),
    secrets: config.secretsDir === null ? environment : createFileSecrets(config.secretsDir, environment, hider.add),
    authenticator,
    resources: createResources(ports.database, fetchResource, ports.log),
    inHand,
    clock: createStoreClock(ports.events),
    watcher: () => {
      watcher ??= createHeadWatcher(ports.events, notices);
      return watcher;
    },
    answerHere: config.localWakes ? workflow?.answer : undefined,
  };
  const queues = new Set([undefined, ...functions.flatMap(({ queue }) => (queue == null ? [] : [queue]))]);
  const announcing = await announce(ports, functions);
  const consumers: Consumer[] = [...queues, SUBSCRIPTION_QUEUE].map((queue) =>
    ports.queues.consumeActivities((job, delivery) => runActivity(activityPorts, job, delivery), {
      concurrency: queue === SUBSCRIPTION_QUEUE ? config.subscriptionConcurrency : config.taskConcurrency,
      recover: config.reclaim,
      ...(queue === undefined ? {} : { queue }),
    }),
  );
  await Promise.all(consumers.map((consumer) => consumer.ready()));
  const { localLeaseMs } = ports.settings;
  const heldHere = new ActivitiesInHand(ports.events, ports.log, localLeaseMs, LOCAL_RENEWAL_MS);
  const dispatch = workflow?.short.activities;
  const pauses = dispatch && watchPauses(ports.queues, queues);
  // Not of subscriptions, which would keep their places for ever.
  const takesFrom = (queue: string | undefined) => queues.has(queue) && pauses?.isPaused(queue) === false;
  if (workflow !== undefined) {
    dispatch?.serve(createLocalPerformer({ ...activityPorts, inHand: heldHere }, takesFrom, workflow.answer));
  }
  return {
    name: "task",
    async drain(graceMs) {
      await Promise.all([dispatch?.drain(graceMs), ...consumers.map((consumer) => consumer.close(graceMs))]);
      heldHere.stop();
      pauses?.stop();
      await announcing.stop();
      inHand.stop();
      watcher?.close();
      await processes.close();
      await services.close();
      await agent.close();
    },
  };
}

/** Knows which queues are paused, about a second late. */
function watchPauses(queues: Ports["queues"], names: ReadonlySet<string | undefined>) {
  const paused = new Set<string | undefined>();
  const watched = [...names].map((name) =>
    watchPause(
      () => queues.isPaused(name),
      (isPaused) => (isPaused ? paused.add(name) : paused.delete(name)),
    ),
  );
  return {
    isPaused: (name: string | undefined) => paused.has(name),
    stop: () => watched.forEach(({ stop }) => void stop()),
  };
}

/** Says again and again which functions this worker has; once stopped, that it has none, so that what calls them says what it waits for. */
async function announce(ports: Ports, functions: readonly DefinedFunction[]): Promise<{ stop(): Promise<void> }> {
  if (functions.length === 0) return { async stop() {} };
  const worker = `worker-${randomUUID()}`;
  const announced = functions.map(({ name, queue }) => ({ name, queue: queue ?? null }));
  const say = (has: typeof announced) => ports.database.announceFunctions(worker, has, ANNOUNCED_FOR_MS);
  // Best effort: an announcement runs out by itself.
  const note = (error: unknown) => ports.log.warn({ err: error }, "the functions were not announced");
  await say(announced);
  const timer = setInterval(() => say(announced).catch(note), ANNOUNCE_EVERY_MS);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await say([]).catch(note);
    },
  };
}

/** Holds dead letters, and redrives what an operator retries in Bull Board. */
export async function startLetterRole(config: Config, ports: Ports): Promise<Role> {
  const consumer = ports.queues.consumeDeadLetters(
    async ({ id, tenant }) => {
      const { result } = await redrive({ ...ports, historyEvents: config.historyMaxEvents }, tenant, id);
      if (result !== "redriven" && result !== "already-redriven") throw new Error(REFUSED[result]);
    },
    { concurrency: 1, recover: config.reclaim },
  );
  await consumer.ready();
  return { name: "dlq", drain: (graceMs) => consumer.close(graceMs) };
}

const REFUSED = {
  unknown: "this dead letter is not known any more",
  "history-full": "its history has as many events as HISTORY_MAX_EVENTS allows: raise that, then retry",
  "workflow-id-taken": "another execution of this workflow ID is open: end it, then retry",
  ended: "the execution has ended meanwhile",
} as const;
