import type { FastifyInstance, HTTPMethods } from "fastify";
import { RequestRefusedError } from "../request-errors.ts";

const METHODS: readonly HTTPMethods[] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/** Notes the routes registered after this call; the function given back makes their other methods answer 405 with `Allow`. */
export function refuseOtherMethods(app: FastifyInstance): () => void {
  const known = new Map<string, Set<string>>();
  let noting = true;
  app.addHook("onRoute", (route) => {
    if (!noting) return;
    const methods = known.get(route.url) ?? new Set();
    for (const method of [route.method].flat()) methods.add(method);
    known.set(route.url, methods);
  });
  return () => {
    noting = false;
    for (const [url, methods] of known) {
      const allow = [...methods].sort().join(", ");
      const refuse = async () => {
        throw new RequestRefusedError("DURABULL_METHOD_NOT_ALLOWED", `allowed here: ${allow}`, { headers: { allow } });
      };
      const others = METHODS.filter((method) => !methods.has(method) && !(method === "HEAD" && methods.has("GET")));
      // Refused before the body is read: its type does not matter.
      app.route({ method: [...others], url, schema: { hide: true }, onRequest: refuse, handler: refuse });
    }
  };
}
