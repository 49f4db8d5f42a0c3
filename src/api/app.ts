import { randomUUID } from "node:crypto";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyReply,
  LogController,
} from "fastify";
import { serializerCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Tracing } from "../ports/tracing.ts";
import type { DefinitionService } from "../runtime/definitions.ts";
import type { EventService } from "../runtime/event-service.ts";
import type { Scaler } from "../runtime/scaler.ts";
import type { ScheduleService } from "../runtime/schedules/service.ts";
import type { ExecutionService } from "../runtime/service.ts";
import { createEventStreams, STREAM_LIMITS, type StreamLimits } from "./event-stream.ts";
import type { HttpApp } from "./http-app.ts";
import { takeJsonBodies } from "./plugins/bodies.ts";
import { guardAgainstOtherSites } from "./plugins/guard.ts";
import { refuseOtherMethods } from "./plugins/methods.ts";
import { takeIdempotencyKeys } from "./plugins/once.ts";
import { addResponseHeaders } from "./plugins/response-headers.ts";
import { addTenant } from "./plugins/tenant.ts";
import { cutUnusedConnections } from "./plugins/unused-connections.ts";
import { MAX_BODY_BYTES, PROBLEMS, problemAnswer } from "./problems.ts";
import { RequestRefusedError } from "./request-errors.ts";
import { deadLetterRoutes } from "./routes/dead-letters.ts";
import { definitionRoutes } from "./routes/definitions.ts";
import { docsPages } from "./routes/docs.ts";
import { eventRoutes } from "./routes/events.ts";
import { executionRoutes } from "./routes/executions.ts";
import { type HealthRegistry, healthRoutes, type MetricsRegistry, metricsRoute } from "./routes/health.ts";
import { openApi } from "./routes/openapi.ts";
import { type BoardQueue, queueBoard } from "./routes/queue-board.ts";
import { scalerRoutes } from "./routes/scaler.ts";
import { scheduleRoutes } from "./routes/schedules.ts";
import { streamRoutes } from "./routes/streams.ts";
import { workflowRoutes } from "./routes/workflows.ts";
import { pathOf, sendProblem } from "./send-problem.ts";
import { validatorCompiler } from "./validation.ts";

/** A request that takes longer to arrive is dropped; a `?wait=` begins after it arrived. */
const REQUEST_ARRIVES_WITHIN_MS = 30_000;
/** A workflow ID of 255 characters, percent-encoded. */
const MAX_PATH_PARAMETER = 255 * 12;
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

export interface AppDeps {
  readonly executions: ExecutionService;
  readonly definitions: DefinitionService;
  readonly eventService: EventService;
  readonly schedules: ScheduleService;
  readonly scaler: Scaler;
  readonly health: HealthRegistry;
  readonly logger: FastifyBaseLogger;
  readonly version: string;
  /** Absent: a `traceparent` is handed on as it is. */
  readonly tracing?: Tracing;
  /** A prom-client registry, to be shown at `/metrics`; absent: no such route. */
  readonly metrics?: MetricsRegistry;
  /** BullMQ queues for Bull Board at `/queues`; asked again at each visit. Absent: no such route. */
  readonly queues?: () => readonly BoardQueue[];
  /** Pages at `/`; absent: none. */
  readonly pages?: FastifyPluginAsync;
  /** Host names answered for besides `localhost` and IP addresses. "any" only when a name cannot be known. Default: none. */
  readonly hosts?: readonly string[] | "any";
  /** Of server-sent events. */
  readonly streams?: StreamLimits;
}

/** The whole HTTP side, apart from a server: `await app.listen(…)` or `app.inject(…)`. */
export async function createApp(deps: AppDeps): Promise<FastifyInstance> {
  const app = bareApp(deps.logger, deps.hosts ?? []);
  const limits = deps.streams ?? STREAM_LIMITS;
  const streams = createEventStreams(limits);
  const described = await openApi(app, deps.version);
  const refuseOthers = refuseOtherMethods(app);
  healthRoutes(app, deps.health);
  if (deps.metrics) metricsRoute(app, deps.metrics);
  problemRoute(app);
  await app.register(
    async (api: HttpApp) => {
      addTenant(api);
      takeIdempotencyKeys(api, deps.executions);
      api.addHook("onRoute", (route) => {
        // Every parameter of a query is known, or refused.
        route.schema = { querystring: z.strictObject({}), ...route.schema };
      });
      executionRoutes(api, deps);
      streamRoutes(api, { ...deps, streams, heartbeatMs: limits.heartbeatMs });
      workflowRoutes(api, deps);
      scheduleRoutes(api, deps);
      deadLetterRoutes(api, deps);
      scalerRoutes(api, deps);
      await eventRoutes(api, { ...deps, streams });
      await definitionRoutes(api, deps);
    },
    { prefix: "/api/v1" },
  );
  if (deps.pages) await app.register(deps.pages);
  refuseOthers();
  await docsPages(app, described);
  const isReady = async () => (await deps.health.ready()).ok;
  if (deps.queues) await queueBoard(app, { queues: deps.queues, prefix: "/queues", isReady });
  app.addHook("preClose", async () => {
    deps.executions.close();
    deps.eventService.close();
    streams.close();
  });
  return app;
}

/** Health routes and metrics alone, for a port of their own. */
export function createSideApp(deps: {
  readonly logger: FastifyBaseLogger;
  readonly health?: HealthRegistry;
  readonly metrics?: MetricsRegistry;
}): FastifyInstance {
  // Probes and scrapers come by whatever name the network gives this process; there is nothing to write here.
  const app = bareApp(deps.logger, "any");
  const refuseOthers = refuseOtherMethods(app);
  if (deps.health) healthRoutes(app, deps.health);
  if (deps.metrics) metricsRoute(app, deps.metrics);
  refuseOthers();
  return app;
}

function bareApp(logger: FastifyBaseLogger, hosts: readonly string[] | "any"): HttpApp {
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_ARRIVES_WITHIN_MS,
    requestIdHeader: false,
    genReqId: ({ headers }) => requestIdOf(headers["x-request-id"]),
    routerOptions: { maxParamLength: MAX_PATH_PARAMETER },
    frameworkErrors: (error, request, reply: FastifyReply) => {
      const { body } = problemAnswer(error, { id: request.id, path: pathOf(request.url) });
      reply.code(body.status).type("application/problem+json").send(JSON.stringify(body));
    },
    clientErrorHandler(error, socket) {
      if (!socket.writable || ("code" in error && error.code === "ECONNRESET")) {
        socket.destroy();
        return;
      }
      const refused = new RequestRefusedError("DURABULL_INVALID_REQUEST", "this is not an HTTP request we can read");
      const body = JSON.stringify(problemAnswer(refused, { id: randomUUID(), path: "" }).body);
      const head = `HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}`;
      socket.end(`${head}\r\nconnection: close\r\n\r\n${body}`);
    },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  cutUnusedConnections(app);
  addResponseHeaders(app);
  guardAgainstOtherSites(app, hosts);
  takeJsonBodies(app);
  answerProblems(app);
  logAnswers(app);
  return app;
}

function answerProblems(app: HttpApp): void {
  app.setErrorHandler((error, request, reply) => sendProblem(request, reply, error));
  app.setNotFoundHandler(async (request) => {
    throw new RequestRefusedError("DURABULL_ROUTE_NOT_FOUND", `there is nothing at ${pathOf(request.url)}`);
  });
}

/** `type` of a problem is an address: it says what the code means. */
function problemRoute(app: HttpApp): void {
  const schema = { hide: true, params: z.strictObject({ code: z.string() }), querystring: z.strictObject({}) };
  app.get("/problems/:code", { schema }, async ({ params }, reply) => {
    const kind = Object.hasOwn(PROBLEMS, params.code) ? PROBLEMS[params.code] : undefined;
    if (!kind) throw new RequestRefusedError("DURABULL_ROUTE_NOT_FOUND", `there is no problem "${params.code}"`);
    return reply.send({ code: params.code, ...kind });
  });
}

/** Writes are worth a line, reads one for who looks closer. Never a body. */
function logAnswers(app: HttpApp): void {
  app.addHook("onResponse", async (request, reply) => {
    const fields = {
      method: request.method,
      path: pathOf(request.url),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      tenant: request.tenant,
    };
    if (request.method === "GET" || request.method === "HEAD") request.log.debug(fields, "answered");
    else request.log.info(fields, "answered");
  });
}

function requestIdOf(header: string | readonly string[] | undefined): string {
  return typeof header === "string" && REQUEST_ID.test(header) ? header : randomUUID();
}
