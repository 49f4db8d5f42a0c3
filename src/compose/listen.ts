import type { FastifyInstance } from "fastify";
import { ConfigError } from "../errors.ts";

/** Opens an app on a port. @returns its address. @throws {ConfigError} when the port cannot be had, naming its setting. */
export async function listen(app: FastifyInstance, setting: string, host: string, port: number): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EADDRINUSE") {
      throw new ConfigError(
        `${setting}=${port}: another process listens there; end it, or set ${setting} to a free port (0 = any)`,
      );
    }
    if (code === "EACCES")
      throw new ConfigError(`${setting}=${port}: this process may not listen there; use a port from 1024`);
    if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
      throw new ConfigError(`HOST=${host}: is not an address of this machine`);
    }
    throw error;
  }
}
