import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  AddressDeniedError,
  type AddressPolicy,
  checkAddress,
  isPublicAddress,
} from "../../../src/executors/http/address-policy.ts";

const strict: AddressPolicy = { allowPrivateNetwork: false, allowedHosts: [] };

describe("given an address", () => {
  test.each([
    ["8.8.8.8"],
    ["1.1.1.1"],
    ["172.15.255.255"],
    ["172.32.0.1"],
    ["100.63.255.255"],
    ["100.128.0.1"],
    ["2606:4700:4700::1111"],
    ["2a00:1450::1"],
    ["::ffff:8.8.8.8"],
    ["64:ff9b::8.8.8.8"],
  ])("when %s is judged, then it is public", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  test.each([
    ["this host", "0.0.0.0"],
    ["this network", "0.1.2.3"],
    ["loopback", "127.0.0.1"],
    ["loopback", "127.255.255.254"],
    ["private", "10.0.0.1"],
    ["private", "172.16.0.1"],
    ["private", "172.31.255.255"],
    ["private", "192.168.1.1"],
    ["link-local, cloud metadata", "169.254.169.254"],
    ["carrier-grade NAT", "100.64.0.1"],
    ["carrier-grade NAT, cloud metadata", "100.100.100.200"],
    ["protocol assignments", "192.0.0.192"],
    ["documentation", "192.0.2.1"],
    ["benchmarking", "198.18.0.1"],
    ["6to4 relay", "192.88.99.1"],
    ["multicast", "224.0.0.1"],
    ["reserved", "240.0.0.1"],
    ["broadcast", "255.255.255.255"],
    ["cloud host", "168.63.129.16"],
    ["unspecified", "::"],
    ["loopback", "::1"],
    ["loopback, written out", "0:0:0:0:0:0:0:1"],
    ["IPv4-compatible", "::127.0.0.1"],
    ["IPv4-compatible, in hex", "::7f00:1"],
    ["IPv4-mapped", "::ffff:127.0.0.1"],
    ["IPv4-mapped, in hex", "::ffff:7f00:1"],
    ["IPv4-translated", "::ffff:0:127.0.0.1"],
    ["NAT64 of loopback", "64:ff9b::7f00:1"],
    ["NAT64 of metadata", "64:ff9b::169.254.169.254"],
    ["NAT64, local use", "64:ff9b:1::8.8.8.8"],
    ["6to4", "2002:7f00:1::"],
    ["Teredo", "2001::1"],
    ["documentation", "2001:db8::1"],
    ["unique local", "fc00::1"],
    ["unique local, cloud metadata", "fd00:ec2::254"],
    ["link-local", "fe80::1"],
    ["link-local with zone", "fe80::1%eth0"],
    ["site-local", "fec0::1"],
    ["multicast", "ff02::1"],
    ["discard", "100::1"],
    ["not assigned", "4000::1"],
    ["no address at all", "localhost"],
  ])("when %s %s is judged, then it is not public", (_, address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test("when an IPv4 address is wrapped in IPv6 in any way, then wrapping never makes it public", () => {
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(
        fc.tuple(byte, byte, byte, byte),
        fc.constantFrom("::", "::ffff:", "::ffff:0:", "64:ff9b::"),
        (bytes, prefix) => {
          const address = bytes.join(".");
          if (isPublicAddress(prefix + address)) expect(isPublicAddress(address)).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("given a policy", () => {
  const allowing = (...allowedHosts: string[]): AddressPolicy => ({ ...strict, allowedHosts });
  const check = (policy: AddressPolicy, host: string, address: string) => () => checkAddress(policy, host, address);

  test("when private networks are allowed, then every address is", () => {
    expect(check({ ...strict, allowPrivateNetwork: true }, "metadata", "169.254.169.254")).not.toThrow();
  });

  test("when a private address is denied, then the error names the host and both settings that would allow it", () => {
    expect(check(strict, "Db.Internal.", "10.0.0.5")).toThrow(AddressDeniedError);
    expect(check(strict, "Db.Internal.", "10.0.0.5")).toThrow(
      /HTTP_ALLOWED_HOSTS=db\.internal,.*ALLOW_PRIVATE_NETWORK=true/,
    );
  });

  test.each([
    ["db.internal", "DB.internal.", "10.0.0.5"],
    ["*.internal", "a.b.internal", "10.0.0.5"],
    ["10.0.0.0/8", "any.example", "10.9.9.9"],
    ["10.0.0.5", "any.example", "10.0.0.5"],
    ["10.0.0.5", "[::ffff:a00:5]", "::ffff:a00:5"],
    ["::1", "[::1]", "::1"],
    ["fd00::/8", "v6.example", "fd12::1"],
  ])("when %s is listed, then %s at %s is allowed", (pattern, host, address) => {
    expect(check(allowing(pattern), host, address)).not.toThrow();
  });

  test.each([
    ["db.internal", "evil-db.internal", "10.0.0.5"],
    ["db.internal", "db.internal.evil.example", "10.0.0.5"],
    ["*.internal", "internal", "10.0.0.5"],
    ["*.internal", "evilinternal", "10.0.0.5"],
    ["10.0.0.0/8", "any.example", "192.168.0.1"],
    ["10.0.0.0/8", "any.example", "127.0.0.1"],
    ["::/0", "any.example", "127.0.0.1"],
  ])("when %s is listed, then %s at %s is denied", (pattern, host, address) => {
    expect(check(allowing(pattern), host, address)).toThrow(AddressDeniedError);
  });
});
