import { isIP } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { RequestRefusedError } from "../request-errors.ts";
import { sendProblem } from "../send-problem.ts";

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * While there is no login, any page a user visits could write here through the browser: refuses writes that a browser sends for
 * another site, and, against DNS rebinding, every request for a host name that is not ours. Programs that are not browsers send
 * neither header and pass.
 *
 * @param hosts names we answer for, besides `localhost` and IP addresses; "any" turns that check off.
 */
export function guardAgainstOtherSites(app: FastifyInstance, hosts: readonly string[] | "any"): void {
  app.addHook("onRequest", async (request, reply) => {
    const refused =
      (hosts === "any" ? undefined : otherHost(request, hosts)) ??
      (SAFE_METHODS.has(request.method) ? undefined : otherSite(request));
    // Answered here: a plugin with an error handler of its own would make another answer of it.
    return refused && sendProblem(request, reply, refused);
  });
}

function otherHost(request: FastifyRequest, hosts: readonly string[]): RequestRefusedError | undefined {
  const name = hostName(request.headers.host ?? "");
  const isOurs = name === "localhost" || name.endsWith(".localhost") || isIP(name) !== 0 || hosts.includes(name);
  if (isOurs) return undefined;
  return new RequestRefusedError(
    "DURABULL_UNKNOWN_HOST",
    `the Host header says "${name}"; use localhost, an IP address, or a host name this service was configured with`,
  );
}

function otherSite(request: FastifyRequest): RequestRefusedError | undefined {
  const site = request.headers["sec-fetch-site"];
  const isOtherSite = site !== undefined && site !== "same-origin" && site !== "none";
  const { origin, host } = request.headers;
  const isOtherOrigin = origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host);
  if (!isOtherSite && !isOtherOrigin) return undefined;
  return new RequestRefusedError(
    "DURABULL_CROSS_SITE_REQUEST",
    "a browser sent this for a page of another site; only this service's own pages may write",
  );
}

/** Without port, and without the brackets of an IPv6 address; lower case. */
function hostName(host: string): string {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host.trim().toLowerCase());
  return match?.[1] ?? match?.[2] ?? "";
}
