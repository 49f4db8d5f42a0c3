import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** Where HTTP calls may go. */
export interface AddressPolicy {
  /** Also to loopback, private, link-local and all other addresses that are not of the public internet. */
  readonly allowPrivateNetwork: boolean;
  /** Hosts that may be at such addresses: lower-case names, `*.domain` (not the domain itself), addresses, ranges as 10.0.0.0/8. */
  readonly allowedHosts: readonly string[];
}

/** The policy forbids the connection. */
export class AddressDeniedError extends Error {
  constructor(
    readonly host: string,
    readonly address: string,
  ) {
    super(
      `host ${host} is at an address of a private network, where HTTP calls may not go; ` +
        `to allow it, set HTTP_ALLOWED_HOSTS=${host}, or ALLOW_PRIVATE_NETWORK=true for all`,
    );
    this.name = "AddressDeniedError";
  }
}

/** @throws {AddressDeniedError} unless a connection to `address`, dialled for `host`, is allowed. */
export function checkAddress(policy: AddressPolicy, host: string, address: string): void {
  if (policy.allowPrivateNetwork || isPublicAddress(address)) return;
  const name = plainHost(host);
  if (policy.allowedHosts.some((pattern) => matchesHost(pattern, name) || matchesAddress(pattern, address))) return;
  throw new AddressDeniedError(name, address);
}

/** A URL's host without brackets or trailing dot, lower case. */
export function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "");
}

function matchesHost(pattern: string, name: string): boolean {
  return pattern.startsWith("*.") ? name.endsWith(pattern.slice(1)) && name.length >= pattern.length : name === pattern;
}

function matchesAddress(pattern: string, address: string): boolean {
  const [base = "", bits] = pattern.split("/");
  if (isIP(base) === 0) return false;
  const range = ipaddr.parse(base);
  const candidate = ipaddr.process(address);
  return (
    candidate.kind() === range.kind() &&
    candidate.match(range, bits === undefined ? (isIP(base) === 4 ? 32 : 128) : Number(bits))
  );
}

/**
 * True for addresses of the public internet. IPv4 inside IPv6 (mapped, NAT64) counts as what it contains; tunnels (6to4, Teredo)
 * never do. All IPv6 outside 2000::/3 is not public, whatever it may become.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.range() === "unicast" && !isUnlistedPrivate(parsed);
  const embedded = nat64Address(parsed);
  if (embedded !== undefined) return isPublicAddress(embedded);
  return parsed.range() === "unicast" && parsed.match(ipaddr.IPv6.parse("2000::"), 3);
}

/** 168.63.129.16 looks public, but is the host of every Azure machine and serves its credentials. */
function isUnlistedPrivate(address: ipaddr.IPv4): boolean {
  return address.toString() === "168.63.129.16";
}

function nat64Address(address: ipaddr.IPv6): string | undefined {
  if (!address.match(ipaddr.IPv6.parse("64:ff9b::"), 96)) return undefined;
  return address.toByteArray().slice(12).join(".");
}
