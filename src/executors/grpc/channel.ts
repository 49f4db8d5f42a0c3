import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { type ChannelCredentials, type ChannelOptions, credentials } from "@grpc/grpc-js";
import { type AddressPolicy, checkAddress } from "../http/address-policy.ts";
import type { Resolve } from "../http/agent.ts";

/** Where a channel leads, and how. */
export interface Target {
  readonly address: string;
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

const TLS_PORTS: readonly number[] = [443, 8443];
const resolveBySystem: Resolve = (host) => lookup(host, { all: true, verbatim: true });

/**
 * A channel to the addresses of a host, each of which the policy must allow: they are looked up once, and those that were checked are
 * dialled. TLS at ports 443 and 8443, for the name of the host.
 * @throws {AddressDeniedError}
 */
export async function targetOf(
  policy: AddressPolicy & { readonly resolve?: Resolve; readonly maxResponseBytes: number },
  host: string,
  port: number,
): Promise<Target> {
  const family = isIP(host);
  const found = family === 0 ? await (policy.resolve ?? resolveBySystem)(host) : [{ address: host, family }];
  for (const { address } of found) checkAddress(policy, host, address);
  const kind = found[0]?.family === 6 ? 6 : 4;
  const places = found
    .filter((each) => (each.family === 6 ? 6 : 4) === kind)
    .map(({ address }) => (kind === 6 ? `[${address}]:${port}` : `${address}:${port}`));
  if (places.length === 0) throw Object.assign(new Error(`host ${host} has no address`), { code: "ENOTFOUND" });
  const isSecure = TLS_PORTS.includes(port);
  return {
    address: `ipv${kind}:${places.join(",")}`,
    credentials: isSecure ? credentials.createSsl() : credentials.createInsecure(),
    options: {
      "grpc.default_authority": port === 443 ? host : `${host}:${port}`,
      ...(isSecure ? { "grpc.ssl_target_name_override": host } : {}),
      "grpc.enable_http_proxy": 0,
      "grpc.enable_retries": 0,
      "grpc.max_receive_message_length": policy.maxResponseBytes,
    },
  };
}
