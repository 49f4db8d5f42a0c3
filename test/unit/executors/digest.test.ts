import { describe, expect, test } from "vitest";
import { digestChallenge, digestParameter } from "../../../src/executors/auth/digest.ts";

const MUFASA = { username: "Mufasa", password: "Circle of Life" };
const REQUEST = { method: "GET", uri: "/dir/index.html", body: "" };
const CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
const challenge = (algorithm: string) =>
  `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`;

describe("given the examples of RFC 7616, when they are answered, then the response is theirs", () => {
  test.each([
    ["MD5", "8ca523f5e9506fed4657c9700eebdbec"],
    ["SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"],
  ])("%s", (algorithm, response) => {
    const asked = digestChallenge(challenge(algorithm));
    if (asked === undefined) throw new Error("no challenge");
    const parameter = digestParameter(asked, REQUEST, MUFASA, CNONCE);
    expect(parameter).toContain(`response="${response}"`);
    expect(parameter).toContain("qop=auth, nc=00000001");
  });
});

describe("given a header of challenges, when it is read, then the strongest digest is answered", () => {
  test.each<[string, object | undefined]>([
    [`${challenge("MD5")}, ${challenge("SHA-256")}`, { algorithm: "SHA-256", session: false, qop: "auth" }],
    [`Basic realm="x", ${challenge("MD5-sess")}`, { algorithm: "MD5", session: true }],
    ['Digest realm="a\\"b, c=d", nonce="n"', { realm: 'a"b, c=d', qop: undefined, algorithm: "MD5" }],
    ['Digest realm="a", nonce="n", qop="auth-int"', { qop: "auth-int" }],
    ['Digest realm="a", nonce="n", algorithm=SHA-512-256, qop=auth, charset=UTF-8', { algorithm: "SHA-512-256" }],
    ['Digest realm="a", nonce="n", algorithm=WHIRLPOOL', undefined],
    ['Digest realm="a"', undefined],
    ['Bearer realm="a"', undefined],
  ])("%s", (header, expected) => {
    const found = digestChallenge(header);
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(expected);
  });
});
