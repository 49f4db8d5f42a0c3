import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { HttpApp } from "../http-app.ts";

/** What a process says of itself; handed in by who composes it. */
export interface HealthRegistry {
  /** The process works; false: restart it. Never asks a server. */
  live(): HealthReport | Promise<HealthReport>;
  /** It can serve now: its stores and queues answer, and it does not drain. */
  ready(): HealthReport | Promise<HealthReport>;
  /** It has finished starting. */
  started(): HealthReport | Promise<HealthReport>;
}
export interface HealthReport {
  readonly ok: boolean;
  /** By name of what was looked at. */
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly detail?: string }>>;
  /** What a 2xx is worth: `process`, `disk` or `replicated`. */
  readonly durability?: string;
}

const healthBody = z
  .object({
    status: z.enum(["ok", "unavailable"]),
    checks: z.record(z.string(), z.object({ ok: z.boolean(), detail: z.string().exactOptional() })).readonly(),
    durability: z.string().exactOptional(),
  })
  .meta({ id: "Health" });

const noQuery = z.strictObject({});
const routes = [
  ["/livez", "live", "The process works"],
  ["/readyz", "ready", "It can serve now"],
  ["/startupz", "started", "It has finished starting"],
] as const;

export function healthRoutes(app: HttpApp, health: HealthRegistry): void {
  for (const [url, what, summary] of routes) {
    const schema = { tags: ["health"], summary, querystring: noQuery, response: { 200: healthBody, 503: healthBody } };
    app.get(url, { schema }, async (_request, reply) => {
      const { ok, ...report } = await reportOf(health, what);
      return reply.code(ok ? 200 : 503).send({ status: ok ? "ok" : "unavailable", ...report });
    });
  }
}

async function reportOf(health: HealthRegistry, what: "live" | "ready" | "started"): Promise<HealthReport> {
  try {
    return await health[what]();
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { ok: false, checks: { [what]: { ok: false, detail } } };
  }
}

/** The part of a prom-client registry that is used here. */
export interface MetricsRegistry {
  readonly contentType: string;
  metrics(): Promise<string>;
}

export function metricsRoute(app: FastifyInstance, registry: MetricsRegistry): void {
  const schema = { hide: true, querystring: noQuery };
  app.get("/metrics", { schema }, async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
}
