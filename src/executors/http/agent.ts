import { lookup } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import { Agent, buildConnector } from "undici";
import { type AddressPolicy, checkAddress, plainHost } from "./address-policy.ts";

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}
/** All addresses of a host name. */
export type Resolve = (host: string) => Promise<readonly ResolvedAddress[]>;

export interface AgentOptions extends AddressPolicy {
  /** Until the connection stands, TLS included. */
  readonly connectTimeoutMs: number;
  readonly resolve?: Resolve;
}

const resolveBySystem: Resolve = (host) => lookup(host, { all: true, verbatim: true });

/**
 * An undici agent that only connects where the policy allows. The addresses checked are those the socket is then given: a name is
 * resolved once per connection, and every answer must be allowed. Proxies of the environment are not used.
 */
export function createGuardedAgent(options: AgentOptions): Agent {
  const connect = buildConnector({
    timeout: options.connectTimeoutMs,
    lookup: guardedLookup(options, options.resolve ?? resolveBySystem),
  });
  return new Agent({
    connect(target, callback) {
      const host = plainHost(target.hostname);
      try {
        // Node does not look up what is an address already.
        if (isIP(host) !== 0) checkAddress(options, host, host);
      } catch (error) {
        callback(asError(error), null);
        return;
      }
      connect(target, (error, socket) => {
        if (error !== null) return callback(error, null);
        try {
          checkAddress(options, host, socket.remoteAddress ?? "unknown");
        } catch (denied) {
          socket.destroy();
          return callback(asError(denied), null);
        }
        callback(null, socket);
      });
    },
  });
}

/** For sockets that are opened by name: every address of the name must be allowed. */
export function guardedLookup(policy: AddressPolicy, resolve: Resolve = resolveBySystem): LookupFunction {
  return (host, options, callback) => {
    const family =
      options.family === 4 || options.family === "IPv4" ? 4 : options.family === 6 || options.family === "IPv6" ? 6 : 0;
    resolve(host)
      .then((answers) => {
        for (const { address } of answers) checkAddress(policy, host, address);
        const usable = answers.filter((answer) => family === 0 || answer.family === family);
        const [first] = usable;
        if (first === undefined) throw Object.assign(new Error(`host ${host} has no address`), { code: "ENOTFOUND" });
        return { usable, first };
      })
      .then(
        ({ usable, first }) =>
          options.all === true ? callback(null, [...usable]) : callback(null, first.address, first.family),
        (error) => callback(asError(error), ""),
      );
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
