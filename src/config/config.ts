import { isIP } from "node:net";
import type { z } from "zod";
import { ConfigError } from "../errors.ts";
import type { Failpoint } from "../values/failpoints.ts";
import { type AdapterChoice, type AdapterChoices, chooseAdapters } from "./adapters.ts";
import { unescaped } from "./formats.ts";
import { shownValue } from "./mask.ts";
import { probablyMeant, unknownNames } from "./names.ts";
import { RETIRED, SECRET_PREFIX, SETTING_NAMES, type SettingName, type Settings, settingsSchema } from "./settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** All settings, checked and derived. Durations are milliseconds. */
export interface Config extends AdapterChoices {
  /** Some adapter is the embedded PostgreSQL. */
  readonly usesEmbedded: boolean;
  /** As given: relative to the working directory. */
  readonly dataDir: string;
  readonly allowVolatile: boolean;
  readonly partitions: number;
  /** False: `partitions` is only the default, and a store that was booted with another number may go on with its own. */
  readonly partitionsGiven: boolean;
  readonly lanes: number;

  readonly engine: "serverless";
  /** 0 = none. */
  readonly workflowTimeoutMs: number;
  readonly maxDeaths: number;
  readonly childDepth: number;
  /** As given: relative to the working directory. */
  readonly functions: string | null;
  readonly examples: boolean;
  readonly production: boolean;

  readonly host: string;
  /** 0 = any free port, for these three. */
  readonly port: number;
  readonly healthPort: number;
  readonly metricsPort: number;
  readonly auth: "none";

  readonly streamsMax: number;
  readonly streamHeartbeatMs: number;
  readonly changesKept: number;
  readonly eventRetentionMs: number;
  readonly eventSinks: readonly string[];
  readonly eventSinkSecret: string | null;
  readonly eventSinkRetries: number;
  readonly lifecycleEvents: "all" | "workflow" | "off";
  readonly lifecycleEventsKept: number;

  readonly workerConcurrency: number;
  readonly taskConcurrency: number;
  /** A process that is a workflow and a task worker does what it decided itself, without a queue between. */
  /** Activities are done where they are decided, if possible. */
  readonly localActivities: boolean;
  /** Wake-ups and timers are taken where they are made, if possible. */
  readonly localWakes: boolean;
  readonly subscriptionConcurrency: number;
  readonly reclaim: boolean;
  readonly eventBatchSize: number;
  readonly eventProcessingTimeoutMs: number;
  readonly eventRetryAttempts: number;
  readonly eventRetryDelayMs: number;
  readonly timerPrecisionMs: number;
  readonly timerHorizonMs: number;
  readonly scheduleTimeZone: string;
  readonly scheduleCatchUp: "none" | "last" | "all";
  readonly scheduleCatchUpWithinMs: number;
  readonly scheduleMissedAfterMs: number;
  readonly scheduleOverlap: "allow" | "skip" | "buffer-one" | "cancel-running";
  readonly scheduleMinIntervalMs: number;
  readonly shutdownGraceMs: number;
  readonly scalerJobsPerWorker: number;
  readonly payloadMaxBytes: number;
  readonly payloadInlineBytes: number;
  readonly historyMaxEvents: number;
  readonly inboxMaxMessages: number;
  /** 0 = no limit, for both. */
  readonly tenantMaxOpenExecutions: number;
  readonly tenantMaxStartsPerSecond: number;
  /** Infinity = for ever, for both. */
  readonly retentionClosedMs: number;
  readonly retentionDeadLettersMs: number;

  readonly allowPrivateNetwork: boolean;
  readonly httpAllowedHosts: readonly string[];
  readonly httpMaxResponseBytes: number;
  readonly runAllowed: readonly ("script" | "shell" | "container")[];
  readonly runTimeoutMs: number;
  readonly runMaxMemoryBytes: number;
  readonly runMaxOutputBytes: number;
  readonly resourceMaxBytes: number;
  readonly resourceMaxFiles: number;
  readonly resourceTimeoutMs: number;
  /** Null: there is none, for both. */
  readonly resourcesDir: string | null;
  readonly catalogDir: string | null;

  readonly logLevel: "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
  /** Null: no tracing. */
  readonly tracing: {
    readonly endpoint: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly serviceName: string;
  } | null;
  readonly failpoints: readonly Failpoint[];
  /** Text of each `SECRET_<NAME>`, by `<NAME>`. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly secretsDir: string | null;
  /** Lines for the log of each start: replaced settings, probable typos, an open door. */
  readonly notices: readonly string[];
}

/** What an environment gives. */
export interface CheckedConfig {
  /** Null: there are mistakes. */
  readonly config: Config | null;
  /** Setting, given value (secrets hidden), allowed form. */
  readonly mistakes: readonly string[];
  /** Those that are right by themselves. */
  readonly settings: Partial<Settings>;
}

/** @throws {ConfigError} that names every mistake. */
export function loadConfig(environment: Environment): Config {
  const { config, mistakes } = checkConfig(environment);
  if (config === null) throw configError(mistakes);
  return config;
}

export function configError(mistakes: readonly string[]): ConfigError {
  return new ConfigError(["the configuration is not usable:", ...mistakes.map((mistake) => `  ${mistake}`)].join("\n"));
}

/** Checks the whole environment. Empty values count as not given. */
export function checkConfig(environment: Environment): CheckedConfig {
  const env = withoutServiceLinks(givenOnly(environment));
  const parsed = settingsSchema.safeParse(env);
  const settings = parsed.success ? parsed.data : partialSettings(env);
  const redisUrl = redisUrlOf(settings);
  const adapters = chooseAdapters(settings, redisUrl);
  const mistakes = [
    ...(parsed.success ? [] : parsed.error.issues.map((issue) => mistakeOf(issue, env))),
    ...unknownNames(Object.keys(env)).map((name) => `${name}: is not a setting${suggestion(name)}`),
    ...combinationMistakes(settings, env, redisUrl),
    // A URL that is wrong was named above: that it is missing for the types that need it is no further mistake.
    ...(["REDIS_URL", "DATABASE_URL", "REDIS_HOST"].some(
      (name) => name in env && settings[name as SettingName] === undefined,
    )
      ? []
      : adapters.mistakes),
  ];
  if (!parsed.success || mistakes.length > 0) return { config: null, mistakes, settings };
  const notices = [...adapters.notices, ...noticesOf(parsed.data, env)];
  return { config: configOf(parsed.data, adapters.choices, env, notices), mistakes, settings };
}

type Given = Readonly<Record<string, string>>;

function givenOnly(environment: Environment): Given {
  const given = Object.entries(environment).filter(
    (entry): entry is [string, string] => (entry[1] ?? "").trim() !== "",
  );
  return Object.fromEntries(given);
}

/** Kubernetes sets REDIS_PORT=tcp://… in every pod that lives beside a service called `redis`. */
function withoutServiceLinks(env: Given): Given {
  return Object.fromEntries(
    Object.entries(env).filter(([name, value]) => !(name === "REDIS_PORT" && value.startsWith("tcp://"))),
  );
}

/** The settings that are right, when some are wrong: so that mistakes of combination are found in the same run. */
function partialSettings(env: Given): Partial<Settings> {
  const right = SETTING_NAMES.flatMap((name) => {
    const parsed = settingsSchema.shape[name].safeParse(env[name]);
    return parsed.success ? [[name, parsed.data] as const] : [];
  });
  return Object.fromEntries(right);
}

function mistakeOf(issue: z.core.$ZodIssue, env: Given): string {
  const name = String(issue.path[0]);
  return `${name}=${shownValue(name, env[name] ?? "")}: must be ${issue.message}`;
}

function suggestion(name: string): string {
  const meant = probablyMeant(name);
  return meant === undefined ? "" : `; did you mean ${meant}?`;
}

function combinationMistakes(settings: Partial<Settings>, env: Given, redisUrl: string | undefined): readonly string[] {
  const mistakes: string[] = [];
  if (settings.HOST !== undefined && !isLoopback(settings.HOST) && env.AUTH === undefined) {
    mistakes.push(
      `HOST=${settings.HOST}: is reachable from other machines, so AUTH must be set; AUTH=none lets everybody in who can connect`,
    );
  }
  for (const name of ["REDIS_PORT", "REDIS_PASSWORD"] as const) {
    if (
      settings[name] !== undefined &&
      redisUrl === undefined &&
      env.REDIS_URL === undefined &&
      env.REDIS_HOST === undefined
    ) {
      mistakes.push(`${name}=${shownValue(name, String(settings[name]))}: needs REDIS_HOST, which is not given`);
    }
  }
  const ports = (["PORT", "HEALTH_PORT", "METRICS_PORT"] as const).filter((name) => (settings[name] ?? 0) !== 0);
  ports.forEach((name, index) => {
    const twin = ports.slice(0, index).find((other) => settings[other] === settings[name]);
    if (twin !== undefined) {
      mistakes.push(`${name}=${settings[name]}: must be another port than ${twin}, or 0 for any free one`);
    }
  });
  return mistakes;
}

/** True for addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** REDIS_URL, or one built of REDIS_HOST and REDIS_PORT; REDIS_PASSWORD fills in for a URL that holds none. */
function redisUrlOf(settings: Partial<Settings>): string | undefined {
  const { REDIS_URL, REDIS_HOST, REDIS_PORT, REDIS_PASSWORD } = settings;
  const hostname = REDIS_HOST !== undefined && isIP(REDIS_HOST) === 6 ? `[${REDIS_HOST}]` : REDIS_HOST;
  const base = REDIS_URL ?? (hostname === undefined ? undefined : `redis://${hostname}:${REDIS_PORT ?? 6_379}`);
  if (base === undefined || REDIS_PASSWORD === undefined) return base;
  const url = new URL(base);
  if (url.password === "") url.password = encodeURIComponent(REDIS_PASSWORD);
  return url.href;
}

function noticesOf(settings: Settings, env: Given): readonly string[] {
  const names = Object.keys(env);
  const retired = names
    .filter((name) => Object.hasOwn(RETIRED, name))
    .map((name) => `${name} has no effect here: ${RETIRED[name]}`);
  const typos = names.flatMap((name) => {
    const meant = probablyMeant(name);
    return meant === undefined || name.startsWith("DURABULL_")
      ? []
      : [`${name} is not a setting: did you mean ${meant}?`];
  });
  const unusedHost = env.REDIS_URL !== undefined && env.REDIS_HOST !== undefined;
  return [
    ...retired,
    ...typos,
    ...(unusedHost ? ["REDIS_HOST and REDIS_PORT are not used, because REDIS_URL is given"] : []),
    ...(isLoopback(settings.HOST)
      ? []
      : [
          `AUTH=none on ${settings.HOST}: everybody who can connect may start, read and cancel workflows of every tenant`,
        ]),
    ...(settings.DURABULL_FAILPOINT === undefined
      ? []
      : ["DURABULL_FAILPOINT is set: this process will fail on purpose"]),
  ];
}

function configOf(settings: Settings, choices: AdapterChoices, env: Given, notices: readonly string[]): Config {
  const usesEmbedded = Object.values(choices).some((choice: AdapterChoice) => choice.kind === "embedded");
  const production = settings.NODE_ENV === "production";
  return {
    ...choices,
    usesEmbedded,
    dataDir: settings.DURABULL_DATA_DIR,
    allowVolatile: settings.ALLOW_VOLATILE,
    partitions: settings.PARTITIONS,
    partitionsGiven: env.PARTITIONS !== undefined,
    lanes: settings.LANES,
    engine: settings.WORKFLOW_ENGINE_TYPE,
    workflowTimeoutMs: settings.WORKFLOW_TIMEOUT_SECONDS,
    maxDeaths: settings.WORKFLOW_MAX_RETRIES,
    childDepth: settings.CHILD_DEPTH_MAX,
    functions: settings.FUNCTIONS ?? null,
    examples: settings.EXAMPLES ?? !production,
    production,
    host: settings.HOST,
    port: settings.PORT,
    healthPort: settings.HEALTH_PORT,
    metricsPort: settings.METRICS_PORT,
    auth: settings.AUTH ?? "none",
    streamsMax: settings.STREAMS_MAX,
    streamHeartbeatMs: settings.STREAM_HEARTBEAT,
    changesKept: settings.CHANGES_KEPT,
    eventRetentionMs: settings.EVENT_RETENTION,
    eventSinks: settings.EVENT_SINKS ?? [],
    eventSinkSecret: settings.EVENT_SINK_SECRET ?? null,
    eventSinkRetries: settings.EVENT_SINK_RETRIES,
    lifecycleEvents: settings.LIFECYCLE_EVENTS,
    lifecycleEventsKept: settings.LIFECYCLE_EVENTS_KEPT,
    workerConcurrency: settings.WORKER_CONCURRENCY,
    taskConcurrency: settings.TASK_CONCURRENCY,
    localActivities: settings.LOCAL_DISPATCH === true,
    localWakes: settings.LOCAL_DISPATCH !== false,
    subscriptionConcurrency: settings.SUBSCRIPTION_CONCURRENCY,
    reclaim: settings.WORKER_RECLAIM_ENABLED,
    eventBatchSize: settings.EVENT_BATCH_SIZE,
    eventProcessingTimeoutMs: settings.EVENT_PROCESSING_TIMEOUT,
    eventRetryAttempts: settings.EVENT_RETRY_ATTEMPTS,
    eventRetryDelayMs: settings.EVENT_RETRY_DELAY_MS,
    timerPrecisionMs: settings.TIMER_SERVICE_PRECISION,
    timerHorizonMs: settings.TIMER_HORIZON,
    scheduleTimeZone: settings.SCHEDULE_TIME_ZONE,
    scheduleCatchUp: settings.SCHEDULE_CATCH_UP,
    scheduleCatchUpWithinMs: settings.SCHEDULE_CATCH_UP_WITHIN,
    scheduleMissedAfterMs: settings.SCHEDULE_MISSED_AFTER,
    scheduleOverlap: settings.SCHEDULE_OVERLAP,
    scheduleMinIntervalMs: settings.SCHEDULE_MIN_INTERVAL,
    payloadMaxBytes: settings.PAYLOAD_MAX_BYTES,
    payloadInlineBytes: settings.PAYLOAD_INLINE_BYTES,
    historyMaxEvents: settings.HISTORY_MAX_EVENTS,
    inboxMaxMessages: settings.INBOX_MAX_MESSAGES,
    tenantMaxOpenExecutions: settings.TENANT_MAX_OPEN_EXECUTIONS,
    tenantMaxStartsPerSecond: settings.TENANT_MAX_STARTS_PER_SECOND,
    retentionClosedMs: settings.RETENTION_CLOSED,
    retentionDeadLettersMs: settings.RETENTION_DEAD_LETTERS,
    shutdownGraceMs:
      env.SHUTDOWN_GRACE === undefined
        ? (settings.SHUTDOWN_GRACE_MS ?? settings.SHUTDOWN_GRACE)
        : settings.SHUTDOWN_GRACE,
    scalerJobsPerWorker: settings.SCALER_JOBS_PER_WORKER,
    allowPrivateNetwork: settings.ALLOW_PRIVATE_NETWORK ?? usesEmbedded,
    httpAllowedHosts: settings.HTTP_ALLOWED_HOSTS ?? [],
    httpMaxResponseBytes: settings.HTTP_MAX_RESPONSE_BYTES,
    runAllowed: settings.RUN_ALLOWED ?? [],
    runTimeoutMs: settings.RUN_TIMEOUT,
    runMaxMemoryBytes: settings.RUN_MAX_MEMORY_BYTES,
    runMaxOutputBytes: settings.RUN_MAX_OUTPUT_BYTES,
    resourceMaxBytes: settings.RESOURCE_MAX_BYTES,
    resourceMaxFiles: settings.RESOURCE_MAX_FILES,
    resourceTimeoutMs: settings.RESOURCE_TIMEOUT,
    resourcesDir: settings.RESOURCES_DIR ?? null,
    catalogDir: settings.CATALOG_DIR ?? null,
    logLevel: settings.LOG_LEVEL,
    tracing:
      settings.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
        ? null
        : {
            endpoint: settings.OTEL_EXPORTER_OTLP_ENDPOINT,
            headers: settings.OTEL_EXPORTER_OTLP_HEADERS ?? {},
            serviceName: settings.OTEL_SERVICE_NAME,
          },
    failpoints: settings.DURABULL_FAILPOINT ?? [],
    secrets: secretsOf(env),
    secretsDir: settings.SECRETS_DIR ?? null,
    notices,
  };
}

function secretsOf(env: Given): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(env)
      .filter(([name]) => name.startsWith(SECRET_PREFIX) && name.length > SECRET_PREFIX.length)
      .map(([name, value]) => [name.slice(SECRET_PREFIX.length), value]),
  );
}

/** Texts that must not be shown: secrets whole and by their members, and the passwords in URLs. */
export function secretTexts(config: Config): readonly string[] {
  const urls = [config.eventStore, config.database, config.queues].flatMap((choice) =>
    choice.kind !== "embedded" && URL.canParse(choice.url) ? [new URL(choice.url).password] : [],
  );
  const passwords = urls.flatMap((password) => [password, unescaped(password)]);
  const sinkSecret = config.eventSinkSecret === null ? [] : [config.eventSinkSecret];
  const texts = [
    ...sinkSecret,
    ...Object.values(config.secrets),
    ...Object.values(config.tracing?.headers ?? {}),
    ...passwords,
  ];
  return texts.flatMap((text) => [text, ...membersOf(text)]);
}

/** The texts inside a secret that is written as JSON. */
function membersOf(text: string): readonly string[] {
  try {
    const found: string[] = [];
    JSON.parse(text, (_, value: unknown) => {
      if (typeof value === "string") found.push(value);
      return value;
    });
    return found;
  } catch {
    return [];
  }
}
