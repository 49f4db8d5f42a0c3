import { z } from "zod";
import {
  durationMs,
  failpoints,
  flag,
  flagOr,
  headerList,
  host,
  hostPatterns,
  httpUrl,
  httpUrls,
  integer,
  keptMs,
  oneOf,
  port,
  postgresUrl,
  redisUrl,
  someOf,
  text,
  timeZone,
} from "./formats.ts";

/** What `.env.example` says of a setting. */
export interface About {
  /** As it would be written in the environment; undefined = not set. */
  readonly default?: string;
  readonly unit?: string;
  readonly meaning: string;
  /** Its value is never shown. */
  readonly secret?: true;
}

const about = z.registry<About>();

/** Adds what is known of a setting; its default goes through the same checks as a given value. */
function setting<Value>(
  schema: z.ZodType<Value, string>,
  known: About & { readonly default: string },
): z.ZodType<Value>;
function setting<Value>(schema: z.ZodType<Value, string>, known: About): z.ZodType<Value | undefined>;
function setting<Value>(schema: z.ZodType<Value, string>, known: About): z.ZodType<Value | undefined> {
  const whole = known.default === undefined ? schema.optional() : schema.prefault(known.default);
  return whole.register(about, known);
}

const ADAPTERS = ["redis", "postgres", "embedded"] as const;
export type AdapterKind = (typeof ADAPTERS)[number];
/** Names that will get an adapter one day; each kind of store refuses them with the list of what there is. */
const adapter = () => oneOf(...ADAPTERS);

/** Every setting, in the order of `.env.example`. */
export const settingsSchema = z.object({
  REDIS_URL: setting(redisUrl(), {
    meaning:
      "Redis 7 or later, as redis://, rediss:// or host:port. Without it and DATABASE_URL: the embedded PostgreSQL.",
  }),
  REDIS_HOST: setting(host(), { meaning: "Builds REDIS_URL when that is absent." }),
  REDIS_PORT: setting(port(), { meaning: "With REDIS_HOST; 6379 when absent." }),
  REDIS_PASSWORD: setting(text(), {
    meaning: "With REDIS_HOST, or for a REDIS_URL that holds no password.",
    secret: true,
  }),
  DATABASE_URL: setting(postgresUrl(), {
    meaning: "PostgreSQL 15 or later, as postgres://user:password@host/database.",
  }),
  DURABULL_DATA_DIR: setting(text(), { default: ".durabull", meaning: "Directory of the embedded PostgreSQL." }),
  EVENTSTORE_TYPE: setting(adapter(), {
    meaning:
      "redis, postgres or embedded. Default: redis with REDIS_URL, else postgres with DATABASE_URL, else embedded.",
  }),
  DB_TYPE: setting(adapter(), {
    meaning: "Where definitions and lists are kept; values and default as EVENTSTORE_TYPE.",
  }),
  QUEUE_TYPE: setting(adapter(), { meaning: "What carries the jobs; values and default as EVENTSTORE_TYPE." }),
  ALLOW_VOLATILE: setting(flag(), {
    default: "false",
    meaning: "Accept a Redis without append-only file: a restart of it loses all.",
  }),
  PARTITIONS: setting(integer(1, 4_096), {
    default: "16",
    meaning: "Partitions of the event store. Kept at the first boot; another value is refused later.",
  }),
  LANES: setting(integer(1, 64), { default: "1", meaning: "Wake-up queues; tenants are spread over them." }),

  WORKFLOW_ENGINE_TYPE: setting(oneOf("serverless"), {
    default: "serverless",
    meaning: "Language of the definitions.",
  }),
  WORKFLOW_TIMEOUT_SECONDS: setting(durationMs({ plainUnit: "s" }), {
    default: "0",
    unit: "seconds",
    meaning: "Limit of an execution whose definition has none; 0 = no limit.",
  }),
  WORKFLOW_MAX_RETRIES: setting(integer(0, 1_000), {
    default: "3",
    unit: "process deaths",
    meaning: "Deaths on one wake-up or activity without progress before it becomes a dead letter.",
  }),
  CHILD_DEPTH_MAX: setting(integer(0, 1_000), {
    default: "10",
    unit: "executions",
    meaning: "How deep workflows run by workflows may nest; a run task that would go deeper fails.",
  }),
  FUNCTIONS: setting(text(), { meaning: "Module (.ts, .js or .mjs) that exports functions made with defineFunction." }),
  EXAMPLES: setting(flag(), {
    meaning: "Register examples/ on a store that never held a definition. Default: on, unless NODE_ENV is production.",
  }),
  NODE_ENV: setting(text(), { default: "development", meaning: "production turns the examples off." }),

  HOST: setting(host(), {
    default: "127.0.0.1",
    meaning: "Address to listen on. Beyond loopback, AUTH must be set too.",
  }),
  PORT: setting(port(), { default: "8080", meaning: "API and dashboard; 0 = any free port." }),
  HEALTH_PORT: setting(port(), { default: "8082", meaning: "/livez, /readyz and /startupz; 0 = any free port." }),
  METRICS_PORT: setting(port(), { default: "9090", meaning: "/metrics; 0 = any free port." }),
  AUTH: setting(oneOf("none"), {
    meaning: "Who may use the API. Only none, everybody who can connect, exists in this version.",
  }),

  STREAMS_MAX: setting(integer(1, 100_000), {
    default: "2000",
    unit: "streams",
    meaning: "Open at once in one API process; further ones are refused with 503.",
  }),
  STREAM_HEARTBEAT: setting(durationMs({ least: 100 }), {
    default: "15s",
    meaning: "Between two signs of life on a stream where nothing happens. One that nobody reads for as long is cut.",
  }),
  CHANGES_KEPT: setting(integer(100, 10_000_000), {
    default: "10000",
    unit: "status changes",
    meaning: "Kept of each tenant, about: how far a reader of its stream of changes may fall behind.",
  }),

  WORKER_CONCURRENCY: setting(integer(1, 10_000), {
    default: "16",
    unit: "wake-ups",
    meaning:
      "At once in one process. They share one thread, so enough of them to hide the store's answers will do: with more, fewer jobs are handed on by the one that ends before.",
  }),
  TASK_CONCURRENCY: setting(integer(1, 10_000), {
    default: "100",
    unit: "activities",
    meaning: "At once in one process. They mostly wait for other services, so more of them than wake-ups.",
  }),
  LOCAL_DISPATCH: setting(flagOr("wake-ups"), {
    default: "true",
    meaning:
      "A workflow worker looks itself at what its process has written, up to WORKER_CONCURRENCY at once, and fires the timers it decided; one that is a task worker too does the activities it decides, up to TASK_CONCURRENCY at once: one write to the store a step. wake-ups: every activity goes through its queue. false: everything does.",
  }),
  SUBSCRIPTION_CONCURRENCY: setting(integer(1, 10_000), {
    default: "1000",
    unit: "subscriptions",
    meaning:
      "Of AsyncAPI calls, at once in one process, besides the activities. Each holds a connection to its server and does nothing until a message comes.",
  }),
  WORKER_RECLAIM_ENABLED: setting(flag(), {
    default: "true",
    meaning: "This process reconciles and looks for stalled jobs. One process of a deployment must.",
  }),
  EVENT_BATCH_SIZE: setting(integer(1, 10_000), {
    default: "500",
    unit: "facts",
    meaning: "Taken from an inbox in one commit.",
  }),
  EVENT_PROCESSING_TIMEOUT: setting(durationMs({ least: 1_000 }), { default: "30s", meaning: "Limit of one wake-up." }),
  EVENT_RETRY_ATTEMPTS: setting(integer(1, 1_000), {
    default: "3",
    unit: "tries",
    meaning: "Of a wake-up whose decision throws, before it becomes a dead letter.",
  }),
  EVENT_RETRY_DELAY_MS: setting(durationMs({ plainUnit: "ms" }), {
    default: "200",
    unit: "milliseconds",
    meaning: "Delay after such a failure, times the number of the try.",
  }),
  TIMER_SERVICE_PRECISION: setting(durationMs({ least: 100 }), {
    default: "1s",
    meaning:
      "A timer that has not fired this long after it was due is dispatched again and counted late. Due times are never rounded.",
  }),
  TIMER_HORIZON: setting(durationMs({ least: 60_000 }), {
    default: "24h",
    meaning: "Timers due later than this from now are put into the queue only when they come closer.",
  }),
  SCHEDULE_TIME_ZONE: setting(timeZone(), {
    default: "UTC",
    meaning: "Of cron expressions that name none, as in Europe/Berlin.",
  }),
  SCHEDULE_CATCH_UP: setting(oneOf("none", "last", "all"), {
    default: "last",
    meaning:
      "Which moments of a schedule that were missed, since nothing ran that could have started them, are made up for: none, the last or all. A definition may say otherwise.",
  }),
  SCHEDULE_CATCH_UP_WITHIN: setting(durationMs({ least: 1_000 }), {
    default: "24h",
    meaning: "What was missed longer ago than this is not made up for.",
  }),
  SCHEDULE_MISSED_AFTER: setting(durationMs({ least: 1_000 }), {
    default: "1m",
    meaning: "A moment of a schedule counts as missed when it is later than this; until then it is only late.",
  }),
  SCHEDULE_OVERLAP: setting(oneOf("allow", "skip", "buffer-one", "cancel-running"), {
    default: "allow",
    meaning:
      "What happens at a moment of a schedule while an execution of it is open: allow starts another, skip does not, buffer-one does when that has ended, cancel-running cancels that first. A definition may say otherwise.",
  }),
  SCHEDULE_MIN_INTERVAL: setting(durationMs({ least: 1 }), {
    default: "1s",
    meaning: "A definition whose schedule has shorter intervals is refused.",
  }),
  PAYLOAD_MAX_BYTES: setting(integer(1_024, 268_435_456), {
    default: "1048576",
    unit: "bytes",
    meaning:
      "Largest input or output of a task or workflow, arguments of a call or context, as JSON. Beyond, the task fails with a validation error that a workflow can catch.",
  }),
  PAYLOAD_INLINE_BYTES: setting(integer(1_024, 268_435_456), {
    default: "65536",
    unit: "bytes",
    meaning:
      "Larger inputs, outputs and states are stored apart from the history, once for each execution and content. May change at any time.",
  }),
  HISTORY_MAX_EVENTS: setting(integer(10, 100_000_000), {
    default: "1000000",
    unit: "events",
    meaning:
      "An execution whose history has as many fails, which it cannot catch; it can be redriven with a higher limit.",
  }),
  INBOX_MAX_MESSAGES: setting(integer(1, 1_000_000), {
    default: "10000",
    unit: "messages",
    meaning:
      "Cancel, pause and other messages that may wait for one execution. Results of its own tasks are never refused.",
  }),
  TENANT_MAX_OPEN_EXECUTIONS: setting(integer(0, 1_000_000_000), {
    default: "0",
    unit: "executions",
    meaning: "Open at once for one tenant; a start beyond is refused with 429. 0 = no limit.",
  }),
  TENANT_MAX_STARTS_PER_SECOND: setting(integer(0, 1_000_000), {
    default: "0",
    unit: "starts",
    meaning:
      "Of one tenant, over all API processes, on average and at most at once; a start beyond is refused with 429. 0 = no limit.",
  }),
  EVENT_RETENTION: setting(keptMs(), {
    default: "7d",
    meaning:
      "How long published events are kept, for who begins to listen or follows; 0 or off = for ever. What was not delivered yet is kept in any case.",
  }),
  LIFECYCLE_EVENTS: setting(oneOf("all", "workflow", "off"), {
    default: "all",
    meaning:
      "Lifecycle events of the DSL that are published for GET /api/v1/events/stream: of workflows and tasks (all), of workflows, or none.",
  }),
  LIFECYCLE_EVENTS_KEPT: setting(integer(100, 10_000_000), {
    default: "10000",
    unit: "events",
    meaning: "Lifecycle events kept of each tenant, about: how far a reader of the stream may fall behind.",
  }),
  EVENT_SINKS: setting(httpUrls(), {
    meaning:
      "Comma-separated addresses that every event of an emit task is sent to, as CloudEvents over HTTP. For workflow and task workers.",
  }),
  EVENT_SINK_SECRET: setting(text(), {
    meaning:
      "Signs what is sent to sinks (webhook-signature, as Standard Webhooks have it). Without it nothing is signed.",
    secret: true,
  }),
  EVENT_SINK_RETRIES: setting(integer(0, 100), {
    default: "10",
    unit: "retries",
    meaning: "Of an event that a sink does not take, after 1, 2, 4, 8 … seconds; then it is a dead letter.",
  }),
  RETENTION_CLOSED: setting(keptMs(), {
    default: "30d",
    meaning:
      "How long an execution is kept after its end, with its history, its place in the lists and all else; 0 or off = for ever. A repeated Idempotency-Key finds an execution only while it is kept.",
  }),
  RETENTION_DEAD_LETTERS: setting(keptMs(), {
    default: "90d",
    meaning:
      "The same for an execution with a dead letter that nobody redrove or discarded, if that is longer; 0 or off = until somebody does.",
  }),
  SHUTDOWN_GRACE: setting(durationMs({ most: 3_600_000 }), {
    default: "10s",
    meaning: "How long a stopping process waits for the work in hand before it hands it back.",
  }),
  SHUTDOWN_GRACE_MS: setting(durationMs({ plainUnit: "ms", most: 3_600_000 }), {
    unit: "milliseconds",
    meaning: "Earlier name of SHUTDOWN_GRACE, used where that is not given.",
  }),
  SCALER_JOBS_PER_WORKER: setting(integer(1, 100_000), {
    default: "50",
    unit: "jobs",
    meaning:
      "What GET /api/v1/scaler/{queue} counts on one worker for: desiredWorkers = ceil((backlog + inFlight) / this).",
  }),

  ALLOW_PRIVATE_NETWORK: setting(flag(), {
    meaning:
      "HTTP calls may go to loopback, private and link-local addresses. Default: true with an embedded store, else false.",
  }),
  HTTP_ALLOWED_HOSTS: setting(hostPatterns(), {
    meaning:
      "Comma-separated hosts, *.domains, addresses and ranges that HTTP calls may reach even at private addresses.",
  }),
  HTTP_MAX_RESPONSE_BYTES: setting(integer(1, 1_073_741_824), {
    default: "1048576",
    unit: "bytes",
    meaning: "Longest body of an HTTP response, after decompression.",
  }),
  RESOURCE_MAX_BYTES: setting(integer(1, 67_108_864), {
    default: "4194304",
    unit: "bytes",
    meaning:
      "Longest schema, function, API description or other document that a definition refers to. It is kept with the definition, in the store.",
  }),
  RESOURCE_MAX_FILES: setting(integer(0, 10_000), {
    default: "50",
    unit: "files",
    meaning:
      "To how many files an API description may refer ($ref) for one operation. All of them together are at most RESOURCE_MAX_BYTES long.",
  }),
  RESOURCE_TIMEOUT: setting(durationMs({ least: 1, most: 3_600_000 }), {
    default: "30s",
    meaning: "How long fetching such a document may take.",
  }),
  RESOURCES_DIR: setting(text(), {
    meaning:
      "Folder of the task workers for documents at file:// addresses, which are paths inside of it. Without it there are none.",
  }),
  CATALOG_DIR: setting(text(), {
    meaning:
      'Folder of the task workers that is the catalog "default": functions/<name>/<version>/function.yaml. Without it there is none.',
  }),

  RUN_ALLOWED: setting(someOf("script", "shell", "container"), {
    meaning:
      "What workflows may start on the machine of a task worker, as its user: script, shell, container. Without it nothing. shell also allows MCP servers over stdio.",
  }),
  RUN_TIMEOUT: setting(durationMs({ least: 100 }), {
    default: "10m",
    meaning: "How long such a process may run before it is ended, with all it started.",
  }),
  RUN_MAX_MEMORY_BYTES: setting(integer(33_554_432, 1_099_511_627_776), {
    default: "536870912",
    unit: "bytes",
    meaning: "Memory of such a process together with all it started.",
  }),
  RUN_MAX_OUTPUT_BYTES: setting(integer(1, 1_073_741_824), {
    default: "1048576",
    unit: "bytes",
    meaning: "What such a process may write to stdout, and to stderr.",
  }),

  SECRETS_DIR: setting(text(), {
    meaning:
      "Directory with a file for each secret, read at each use, as Kubernetes mounts them. A file wins over SECRET_<NAME>.",
  }),
  LOG_LEVEL: setting(oneOf("trace", "debug", "info", "warn", "error", "fatal", "silent"), {
    default: "info",
    meaning: "Least severe level that is logged: trace, debug, info, warn, error, fatal or silent.",
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: setting(httpUrl(), {
    meaning: "Traces are sent there by OTLP over HTTP, to its /v1/traces. Without it no tracing is loaded.",
  }),
  OTEL_EXPORTER_OTLP_HEADERS: setting(headerList(), {
    meaning: "Sent along with them, as name=value,name=value.",
    secret: true,
  }),
  OTEL_SERVICE_NAME: setting(text(), {
    default: "durabull",
    meaning: "Name of this service in traces. OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG are heeded too.",
  }),
  DURABULL_FAILPOINT: setting(failpoints(), {
    meaning: "For tests of Durabull only: name:action:probability[,…], actions kill, throw, stop, delay<ms>.",
  }),
});

export type Settings = z.output<typeof settingsSchema>;
export type SettingName = keyof Settings & string;

export const SETTING_NAMES = Object.keys(settingsSchema.shape) as readonly SettingName[];

export function aboutSetting(name: SettingName): About {
  return about.get(settingsSchema.shape[name]) ?? { meaning: "" };
}

/** Settings of other services like this one that have no meaning here, and what took their place. */
export const RETIRED: Readonly<Record<string, string>> = {
  WORKER_CONSUMER_GROUP: "BullMQ hands each job to one worker: there is no consumer group to name",
  WORKER_STREAM_BATCH:
    "EVENT_BATCH_SIZE says how many facts one commit takes, WORKER_CONCURRENCY how many wake-ups run at once",
  WORKER_STREAM_BLOCK: "BullMQ waits for jobs by itself: there is nothing to tune",
  TIMER_SERVICE_ENABLED:
    "timers are delayed jobs that every workflow worker takes; WORKER_RECLAIM_ENABLED says where late ones are looked for",
};

/** `SECRET_PAYMENTS` is the secret PAYMENTS. */
export const SECRET_PREFIX = "SECRET_";
