import swaggerUi from "@fastify/swagger-ui";
import type { HttpApp } from "../http-app.ts";

/** Swagger UI styles inline and draws from data addresses; it may ask nobody but this service. */
const DOCS_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The description of the API, to be browsed and tried at `/docs`; all files are our own. */
export async function docsPages(app: HttpApp, described: () => Readonly<Record<string, unknown>>): Promise<void> {
  await app.register(async (scope) => {
    scope.addHook("onRequest", async (_request, reply) => {
      reply.header("content-security-policy", DOCS_POLICY);
    });
    await scope.register(swaggerUi, {
      routePrefix: "/docs",
      theme: { title: "Durabull API" },
      // Without the bar at its top, which offers to open any address.
      uiConfig: { layout: "BaseLayout", docExpansion: "list", deepLinking: true, displayRequestDuration: true },
      transformSpecification: described,
      transformSpecificationClone: false,
    });
  });
}
