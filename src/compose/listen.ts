import type { FastifyInstance } from "fastify";
import { ConfigError } from "../errors.ts";

/** Opens an app on a port. @returns its address. @throws {ConfigError} when the port cannot be had, naming its setting. */
export async function listen(app: FastifyInstance, setting: string, host: string, port: number): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    const mistake = listenMistake(error, setting, host, port);
    throw mistake === undefined ? error : new ConfigError(mistake);
  }
}

/** What is wrong with a setting when a port cannot be opened; undefined when that is not the setting's fault. */
export function listenMistake(error: unknown, setting: string, host: string, port: number): string | undefined {
  switch (error instanceof Error && "code" in error ? error.code : undefined) {
    case "EADDRINUSE":
      return `${setting}=${port}: another process listens there; end it, or set ${setting} to a free port (0 = any)`;
    case "EACCES":
      return `${setting}=${port}: this process may not listen there; use a port from 1024`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `HOST=${host}: is not an address of this machine`;
    default:
      return undefined;
  }
}
