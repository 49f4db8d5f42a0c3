import { createHash, randomBytes } from "node:crypto";

/** RFC 7616. By strength; of several challenges the first one of these is answered. */
const ALGORITHMS = ["SHA-512-256", "SHA-256", "MD5"] as const;
const HASHES = { "SHA-512-256": "sha512-256", "SHA-256": "sha256", MD5: "md5" } as const;
const SCHEME = /(?:^|,)\s*([A-Za-z][\w-]*)\s+(?=[\w-]+\s*=)/g;
const PARAMETER = /([\w-]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s,"]+))/g;

export interface DigestChallenge {
  readonly algorithm: (typeof ALGORITHMS)[number];
  /** The variant whose key also depends on both nonces. */
  readonly session: boolean;
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  /** Undefined: a server of RFC 2069. `auth-int`, which also covers the body, is used only where `auth` is not offered. */
  readonly qop: "auth" | "auth-int" | undefined;
}

export interface DigestRequest {
  readonly method: string;
  /** Path and query, as sent. */
  readonly uri: string;
  readonly body: string;
}

/** The strongest challenge of a `www-authenticate` header that can be answered; undefined when there is none. */
export function digestChallenge(header: string): DigestChallenge | undefined {
  const starts = [...header.matchAll(SCHEME)];
  const challenges = starts.flatMap((start, index) => {
    if (start[1]?.toLowerCase() !== "digest") return [];
    const read = challengeOf(header.slice(start.index + start[0].length, starts[index + 1]?.index));
    return read === undefined ? [] : [read];
  });
  return challenges.sort((a, b) => ALGORITHMS.indexOf(a.algorithm) - ALGORITHMS.indexOf(b.algorithm))[0];
}

function challengeOf(text: string): DigestChallenge | undefined {
  const given = new Map(
    [...text.matchAll(PARAMETER)].map(([, name = "", quoted, plain = ""]) => [
      name.toLowerCase(),
      quoted === undefined ? plain : quoted.replaceAll(/\\(.)/g, "$1"),
    ]),
  );
  const named = (given.get("algorithm") ?? "MD5").toUpperCase();
  const session = named.endsWith("-SESS");
  const algorithm = ALGORITHMS.find((each) => each === (session ? named.slice(0, -5) : named));
  const realm = given.get("realm");
  const nonce = given.get("nonce");
  const offered = given
    .get("qop")
    ?.toLowerCase()
    .split(/[\s,]+/);
  const qop = offered?.includes("auth") ? "auth" : offered?.includes("auth-int") ? "auth-int" : undefined;
  if (algorithm === undefined || realm === undefined || nonce === undefined) return undefined;
  if (offered !== undefined && qop === undefined) return undefined;
  return { algorithm, session, realm, nonce, opaque: given.get("opaque"), qop };
}

/** The parameter of `authorization: Digest …`. @param cnonce of the client: random, unless a test says it. */
export function digestParameter(
  challenge: DigestChallenge,
  request: DigestRequest,
  { username, password }: { readonly username: string; readonly password: string },
  cnonce = randomBytes(16).toString("hex"),
): string {
  const { algorithm, session, realm, nonce, opaque, qop } = challenge;
  const hash = (text: string) => createHash(HASHES[algorithm]).update(text).digest("hex");
  // Every request answers a challenge of its own, so each nonce is used once.
  const count = "00000001";
  const user = hash(`${username}:${realm}:${password}`);
  const key = session ? hash(`${user}:${nonce}:${cnonce}`) : user;
  const entity = qop === "auth-int" ? `:${hash(request.body)}` : "";
  const what = hash(`${request.method}:${request.uri}${entity}`);
  const response =
    qop === undefined ? hash(`${key}:${nonce}:${what}`) : hash(`${key}:${nonce}:${count}:${cnonce}:${qop}:${what}`);
  return [
    `username=${quoted(username)}`,
    `realm=${quoted(realm)}`,
    `nonce=${quoted(nonce)}`,
    `uri=${quoted(request.uri)}`,
    `algorithm=${algorithm}${session ? "-sess" : ""}`,
    `response="${response}"`,
    ...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
    ...(qop === undefined && !session ? [] : [`cnonce="${cnonce}"`]),
    ...(qop === undefined ? [] : [`qop=${qop}`, `nc=${count}`]),
  ].join(", ");
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
