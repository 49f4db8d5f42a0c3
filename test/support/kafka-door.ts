import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer as createPlainServer, type Server, type Socket } from "node:net";
import { createServer as createSecureServer } from "node:tls";

export interface KafkaDoorOptions {
  /** Passwords by user; without, everybody is let in. A token of OAUTHBEARER is the password of `token`. */
  readonly users?: Readonly<Record<string, string>>;
  /** Files of certificate and key. */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

export interface KafkaDoor {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  /** How those said who they are that were let in, one after another. */
  readonly letIn: readonly string[];
  /** Groups that were deleted. */
  readonly deleted: readonly string[];
  close(): Promise<void>;
}

const API_VERSIONS = 18;
const SASL_HANDSHAKE = 17;
const SASL_AUTHENTICATE = 36;
const DELETE_GROUPS = 42;
const UNSUPPORTED_MECHANISM = 33;
const AUTHENTICATION_FAILED = 58;
const MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"];

interface Request {
  readonly frame: Buffer;
  readonly api: number;
  readonly version: number;
  readonly correlation: number;
  readonly body: Buffer;
}

/**
 * What the broker for tests does not know, in front of it: TLS, who calls, and that groups can be deleted. All else it passes on, its own
 * address in place of the broker's, which is as long.
 */
export async function startKafkaDoor(broker: string, { users, tls }: KafkaDoorOptions = {}): Promise<KafkaDoor> {
  const letIn: string[] = [];
  const deleted: string[] = [];
  const sockets = new Set<Socket>();
  let port = 0;
  const enter = (client: Socket) => {
    const [host = "", inner] = broker.split(":");
    const behind = connect(Number(inner), host);
    const versions = new Set<number>();
    const visitor = new Visitor(users, letIn);
    for (const socket of [client, behind]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        behind.destroy();
      });
    }
    frames(client, (frame) => {
      const request = requestIn(frame);
      const answer = (body: Buffer) => client.write(framed(Buffer.concat([int32(request.correlation), body])));
      if (request.api === SASL_HANDSHAKE) return answer(visitor.handshake(request));
      if (request.api === SASL_AUTHENTICATE) return answer(visitor.authenticate(request));
      if (request.api === API_VERSIONS) versions.add(request.correlation);
      else if (!visitor.isLetIn) return client.destroy();
      if (request.api === DELETE_GROUPS) {
        const groups = textsIn(request.body);
        deleted.push(...groups);
        return answer(Buffer.concat([int32(0), arrayOf(groups.map((name) => Buffer.concat([text(name), int16(0)])))]));
      }
      return behind.write(framed(frame));
    });
    frames(behind, (frame) => {
      const known = versions.delete(frame.readInt32BE(0)) ? withApis(frame) : frame;
      client.write(framed(replaced(known, addressOf(broker), addressOf(`${host}:${port}`))));
    });
  };
  const server: Server =
    tls === undefined
      ? createPlainServer(enter)
      : createSecureServer({ cert: readFileSync(tls.certificate), key: readFileSync(tls.key) }, enter);
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
  return {
    host: `127.0.0.1:${port}`,
    letIn,
    deleted,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Who comes in by one connection. */
class Visitor {
  isLetIn: boolean;
  #mechanism = "";
  #scram: { readonly user: string; readonly first: string; readonly server: string; readonly salt: Buffer } | undefined;

  constructor(
    readonly users: KafkaDoorOptions["users"],
    readonly letIn: string[],
  ) {
    this.isLetIn = users === undefined;
  }

  handshake({ body }: Request): Buffer {
    this.#mechanism = textIn(body);
    const code = MECHANISMS.includes(this.#mechanism) ? 0 : UNSUPPORTED_MECHANISM;
    return Buffer.concat([int16(code), arrayOf(MECHANISMS.map(text))]);
  }

  authenticate({ body, version }: Request): Buffer {
    const given = body.subarray(4, 4 + body.readInt32BE(0)).toString();
    const answer = this.#answerTo(given);
    const lifetime = version === 0 ? Buffer.alloc(0) : Buffer.alloc(8);
    if (answer === undefined)
      return Buffer.concat([int16(AUTHENTICATION_FAILED), text("who are you?"), int32(0), lifetime]);
    return Buffer.concat([int16(0), int16(-1), int32(Buffer.byteLength(answer)), Buffer.from(answer), lifetime]);
  }

  #answerTo(given: string): string | undefined {
    if (this.#mechanism === "PLAIN") {
      const [, user = "", password] = given.split("\0");
      return this.#enter(user, password);
    }
    if (this.#mechanism === "OAUTHBEARER") return this.#enter("token", tokenIn(given));
    return this.#scram === undefined ? this.#begin(given) : this.#end(given, this.#scram);
  }

  #enter(user: string, password: string | undefined): string | undefined {
    if (password === undefined || this.users?.[user] !== password) return undefined;
    this.isLetIn = true;
    this.letIn.push(`${this.#mechanism} ${user}`);
    return "";
  }

  /** RFC 5802. */
  #begin(given: string): string {
    const first = given.replace(/^n,[^,]*,/, "");
    const { n: user = "", r: nonce } = attributesOf(first);
    const salt = randomBytes(16);
    const server = `r=${nonce}${randomBytes(12).toString("hex")},s=${salt.toString("base64")},i=4096`;
    this.#scram = { user, first, server, salt };
    return server;
  }

  #end(
    given: string,
    { user, first, server, salt }: { user: string; first: string; server: string; salt: Buffer },
  ): string | undefined {
    const password = this.users?.[user] ?? "";
    const digest = this.#mechanism === "SCRAM-SHA-512" ? "sha512" : "sha256";
    const hmac = (key: Buffer, data: string) => createHmac(digest, key).update(data).digest();
    const salted = pbkdf2Sync(password, salt, 4_096, digest === "sha512" ? 64 : 32, digest);
    const clientKey = hmac(salted, "Client Key");
    const message = `${first},${server},${given.replace(/,p=.*$/, "")}`;
    const signature = hmac(createHash(digest).update(clientKey).digest(), message);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
    if (attributesOf(given).p !== proof.toString("base64")) return undefined;
    if (this.#enter(user, password) === undefined) return undefined;
    return `v=${hmac(hmac(salted, "Server Key"), message).toString("base64")}`;
  }
}

/** RFC 7628. */
function tokenIn(given: string): string | undefined {
  const field = given.split(String.fromCharCode(1)).find((each) => each.startsWith("auth=Bearer "));
  return field?.slice("auth=Bearer ".length);
}

function attributesOf(message: string): Readonly<Record<string, string>> {
  return Object.fromEntries(message.split(",").map((each) => [each.slice(0, 1), each.slice(2)]));
}

function frames(socket: Socket, handle: (frame: Buffer) => unknown): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (data: Buffer) => {
    rest = Buffer.concat([rest, data]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0);
      const frame = rest.subarray(4, end);
      rest = rest.subarray(end);
      handle(frame);
    }
  });
}

function requestIn(frame: Buffer): Request {
  const clientId = frame.readInt16BE(8);
  return {
    frame,
    api: frame.readInt16BE(0),
    version: frame.readInt16BE(2),
    correlation: frame.readInt32BE(4),
    body: frame.subarray(10 + Math.max(clientId, 0)),
  };
}

/** An answer that says which requests are known, with those that the door knows. */
function withApis(frame: Buffer): Buffer {
  const count = frame.readInt32BE(6);
  const own = [SASL_HANDSHAKE, SASL_AUTHENTICATE, DELETE_GROUPS].map((api) =>
    Buffer.concat([int16(api), int16(api === SASL_HANDSHAKE ? 1 : 0), int16(1)]),
  );
  return Buffer.concat([frame.subarray(0, 6), int32(count + own.length), ...own, frame.subarray(10)]);
}

function addressOf(address: string): Buffer {
  const [host = "", port] = address.split(":");
  return Buffer.concat([text(host), int32(Number(port))]);
}

function replaced(frame: Buffer, from: Buffer, to: Buffer): Buffer {
  const copy = Buffer.from(frame);
  for (let at = copy.indexOf(from); at >= 0; at = copy.indexOf(from, at + to.length)) to.copy(copy, at);
  return copy;
}

function textIn(body: Buffer): string {
  return body.subarray(2, 2 + body.readInt16BE(0)).toString();
}

function textsIn(body: Buffer): readonly string[] {
  const texts: string[] = [];
  let at = 4;
  for (let left = body.readInt32BE(0); left > 0; left--) {
    texts.push(textIn(body.subarray(at)));
    at += 2 + body.readInt16BE(at);
  }
  return texts;
}

function framed(content: Buffer): Buffer {
  return Buffer.concat([int32(content.length), content]);
}

function arrayOf(items: readonly Buffer[]): Buffer {
  return Buffer.concat([int32(items.length), ...items]);
}

function text(value: string): Buffer {
  return Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
}

function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}
