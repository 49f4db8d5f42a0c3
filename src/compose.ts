import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Dispatcher } from "undici";
import { isLoadNameOf } from "./adapters/bullmq/names.ts";
import { createApp, createSideApp } from "./api/app.ts";
import { type Adapters, openAdapters } from "./compose/adapters.ts";
import { createHealth, type Life } from "./compose/health.ts";
import { listen } from "./compose/listen.ts";
import {
  type Role,
  runtimePorts,
  schedulerSettings,
  startLetterRole,
  startStandInRole,
  startTaskRole,
  startWorkflowRole,
} from "./compose/roles.ts";
import { shortWays } from "./compose/short-ways.ts";
import { type Config, isLoopback, secretTexts } from "./config/index.ts";
import { dashboardPages } from "./dashboard/index.ts";
import { loadSpecification } from "./dsl/index.ts";
import { type DefinedFunction, loadFunctions } from "./functions/index.ts";
import { createHider } from "./observability/hider.ts";
import { createLogger } from "./observability/logger.ts";
import { createMetrics } from "./observability/metrics.ts";
import { NO_TRACING, type StartedTracing, startTracing } from "./observability/tracing.ts";
import { startWatchdog } from "./observability/watchdog.ts";
import type { Log } from "./ports/executor.ts";
import { createDefinitionService, type DefinitionService } from "./runtime/definitions.ts";
import { createEventService } from "./runtime/event-service.ts";
import { keptFor } from "./runtime/kept-for.ts";
import { createScaler } from "./runtime/scaler.ts";
import { createScheduleService } from "./runtime/schedules/service.ts";
import { createExecutionService, type ExecutionService } from "./runtime/service.ts";
import { takeOverJobs } from "./runtime/take-over.ts";

export type RoleName = "api" | "workflow" | "task" | "dlq";

/** A running process of the service. */
export interface Service {
  readonly config: Config;
  readonly executions: ExecutionService;
  readonly definitions: DefinitionService;
  readonly adapters: Adapters;
  readonly log: Log;
  /** Addresses it listens at; `api` only with that role. */
  readonly addresses: { readonly api?: string; readonly health: string; readonly metrics: string };
  /** Readiness off, stop taking, finish or hand back within the grace, close. */
  drain(): Promise<void>;
}

export interface ServiceOptions {
  /** Functions handed in by code, besides those of `FUNCTIONS`. */
  readonly functions?: readonly DefinedFunction[];
  /** Those of `FUNCTIONS`; absent: they are loaded. */
  readonly loaded?: readonly DefinedFunction[];
  /** Put around what makes HTTP requests for workflows, by what stands in for other people's services. */
  readonly aroundAgent?: (agent: Dispatcher) => Dispatcher;
  /** How long the event loop of an API or workflow process may stand still before the process kills itself, milliseconds; default 10,000. */
  readonly stallLimitMs?: number;
}

/** Longer than garbage collection, a slice of decisions or a slow machine keep a healthy event loop; an expression runs within one turn of it. */
const STALL_LIMIT_MS = 10_000;
/** Each view of an execution that waits for a worker asks, and the answer is a list of all clients. */
const WORKERS_KNOWN_FOR_MS = 1_000;
/** Not while the process takes up what was left behind. */
const WARM_UP_AFTER_MS = 5_000;
const VERSION = versionOf();

/** Starts the given roles in this process. @throws {ConfigError} when the configuration or the machine does not allow it. */
export async function openService(
  config: Config,
  roles: readonly RoleName[],
  options: ServiceOptions = {},
): Promise<Service> {
  const worker = `worker-${randomUUID()}`;
  let tracing: StartedTracing | undefined;
  const hider = createHider(secretTexts(config));
  const logger = createLogger({
    level: config.logLevel,
    worker,
    terminal: process.stdout.isTTY,
    hider,
    more: config.tracing === null ? undefined : () => tracing?.logFields() ?? {},
  });
  if (config.tracing !== null)
    tracing = await startTracing({ ...config.tracing, version: VERSION, worker, log: logger, hider });
  for (const notice of config.notices) logger.warn(notice);
  const functions = [
    ...(options.functions ?? []),
    ...(roles.includes("task") ? (options.loaded ?? (await functionsOf(config))) : []),
  ];
  const metrics = createMetrics();
  const opened = await openAdapters(config, logger, metrics.redelivered);
  const short = shortWays(config, opened, logger, roles.includes("workflow"));
  const { adapters } = short;
  metrics.watch(adapters.queues);
  metrics.watchEvents(adapters.database);
  const life: Life = { phase: "starting" };
  const started: Role[] = [];
  const closers: (() => Promise<unknown>)[] = [];
  if (tracing !== undefined) closers.push(tracing.close);
  try {
    metrics.watchLocal(short.activities ?? { size: () => 0 });
    const observing = { metrics, tracing: tracing ?? NO_TRACING, log: logger };
    const ports = runtimePorts(config, adapters, observing, VERSION, short);
    const definitions = createDefinitionService({
      database: adapters.database,
      log: logger,
      runAllowed: config.runAllowed,
      failpoints: ports.failpoints,
      schedules: ports.schedules,
      scheduleMinIntervalMs: config.scheduleMinIntervalMs,
    });
    const executions = createExecutionService({
      ...adapters,
      defaultTimeoutMs: config.workflowTimeoutMs,
      limits: {
        payloadBytes: config.payloadMaxBytes,
        historyEvents: config.historyMaxEvents,
        inboxMessages: config.inboxMaxMessages,
        openExecutions: config.tenantMaxOpenExecutions,
        startsPerSecond: config.tenantMaxStartsPerSecond,
      },
      log: logger,
      metrics,
      definitions: ports.definitions,
      activityWorkers: keptFor(WORKERS_KNOWN_FOR_MS, async (name: string) =>
        adapters.queues
          .boardQueues()
          .find((queue) => queue.name === name)
          ?.getWorkersCount(),
      ),
    });
    const eventService = createEventService({
      ...{ ...adapters, ...ports },
      payloadBytes: config.payloadMaxBytes,
    });
    const schedules = createScheduleService({
      ...{ ...adapters, ...ports },
      settings: schedulerSettings(config, adapters.partitions),
      payloadBytes: config.payloadMaxBytes,
    });
    // A task worker runs the user's functions, which may compute for as long as they like.
    if (roles.includes("workflow") || roles.includes("api")) {
      const watchdog = startWatchdog({ limitMs: options.stallLimitMs ?? STALL_LIMIT_MS, worker });
      closers.push(() => watchdog.stop());
    }
    const health = createHealth(life, adapters.events, adapters.queues);

    const side = createSideApp({ logger, health });
    closers.push(() => side.close());
    const healthAddress = await listen(side, "HEALTH_PORT", config.host, config.healthPort);
    const scrape = createSideApp({ logger, metrics: metrics.registry });
    closers.push(() => scrape.close());
    const metricsAddress = await listen(scrape, "METRICS_PORT", config.host, config.metricsPort);

    const takes = roles.some((role) => role !== "api");
    if (takes && config.reclaim) await takeOverJobs(ports);
    const workflow = roles.includes("workflow") ? await startWorkflowRole(config, ports, short) : undefined;
    if (workflow !== undefined) started.push(workflow);
    if (roles.includes("task")) {
      if (config.allowPrivateNetwork) {
        logger.info("HTTP calls may reach private and loopback addresses (ALLOW_PRIVATE_NETWORK)");
      }
      started.push(
        await startTaskRole(config, ports, functions, {
          hider,
          notices: adapters.notices,
          aroundAgent: options.aroundAgent,
          workflow: workflow && { short, answer: workflow.answer },
        }),
      );
    }
    if (roles.includes("api") && !roles.includes("workflow")) started.push(startStandInRole(config, ports));
    if (roles.includes("dlq")) started.push(await startLetterRole(config, ports));

    await adapters.checkCapacity();

    let apiAddress: string | undefined;
    if (roles.includes("api")) {
      const app = await createApp({
        executions,
        definitions,
        eventService,
        schedules,
        scaler: createScaler(
          adapters.queues,
          config.scalerJobsPerWorker,
          (name) => short.activities?.size((queue) => isLoadNameOf(name, queue)) ?? 0,
        ),
        health,
        logger,
        version: VERSION,
        ...(tracing === undefined ? {} : { tracing }),
        metrics: metrics.registry,
        queues: () => adapters.queues.boardQueues(),
        pages: dashboardPages,
        // Beyond loopback it is reached by names that only the network knows.
        hosts: isLoopback(config.host) ? [] : "any",
        streams: { max: config.streamsMax, heartbeatMs: config.streamHeartbeatMs },
      });
      closers.push(() => app.close());
      apiAddress = await listen(app, "PORT", config.host, config.port);
      const warmUp = setTimeout(loadSpecification, WARM_UP_AFTER_MS);
      closers.push(async () => clearTimeout(warmUp));
    }
    let drained: Promise<void> | undefined;
    const drain = async () => {
      life.phase = "draining";
      logger.info("draining");
      await Promise.all(started.map((role) => role.drain(config.shutdownGraceMs)));
      executions.close();
      eventService.close();
      await ports.delivery.idle();
      await ports.schedules.idle();
      for (const close of closers.reverse()) await close();
      await adapters.close();
      logger.info("drained");
    };
    life.phase = "running";
    const addresses = {
      ...(apiAddress === undefined ? {} : { api: apiAddress }),
      health: healthAddress,
      metrics: metricsAddress,
    };
    logger.info({ roles, ...addresses }, "started");
    return {
      config,
      executions,
      definitions,
      adapters,
      log: logger,
      addresses,
      drain() {
        drained ??= drain();
        return drained;
      },
    };
  } catch (error) {
    await Promise.all(started.map((role) => role.drain(0)));
    for (const close of closers.reverse()) await close();
    await adapters.close();
    throw error;
  }
}

async function functionsOf({ functions }: Config): Promise<readonly DefinedFunction[]> {
  return functions === null ? [] : loadFunctions(functions);
}

function versionOf(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
