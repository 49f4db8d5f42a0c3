import type { FastifyInstance } from "fastify";
import { isTenantId, type TenantId } from "../../values/ids.ts";
import { preferredType } from "../accept.ts";
import { invalidRequest, RequestRefusedError } from "../request-errors.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Of `X-Tenant-ID`. */
    tenant: TenantId;
  }
  interface FastifyContextConfig {
    /** Media types a route can give; JSON when absent. */
    readonly produces?: readonly string[];
  }
}

const JSON_TYPES = ["application/json", "application/problem+json"];

/** Names the tenant of every request of the API, and refuses those that accept no answer it has. */
export function addTenant(app: FastifyInstance): void {
  app.decorateRequest("tenant", "default");
  app.addHook("onRequest", async (request) => {
    const tenant = request.headers["x-tenant-id"] ?? "default";
    if (typeof tenant !== "string" || !isTenantId(tenant)) {
      throw invalidRequest("/headers/x-tenant-id", "a tenant is 1 to 63 of a-z 0-9 -");
    }
    request.tenant = tenant;
    const offered = request.routeOptions.config.produces ?? JSON_TYPES;
    if (preferredType(request.headers.accept, offered) === undefined) {
      throw new RequestRefusedError("DURABULL_NOT_ACCEPTABLE", `this address gives ${offered.join(" or ")}`);
    }
  });
}
