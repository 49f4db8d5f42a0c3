import { Readable, type Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from "node:zlib";
import { ProblemError } from "./problem-error.ts";

/** What `accept-encoding` offers: the encodings that `readBody` undoes. */
export const ENCODINGS = "gzip, deflate, br";

/**
 * The body of a response, decompressed.
 * @param limit the setting that `maxBytes` comes from.
 * @throws {ProblemError} communication 500 when it is longer than `maxBytes` (on the wire or decompressed) or badly compressed.
 */
export async function readBody(
  body: Readable,
  contentEncoding: string,
  maxBytes: number,
  limit = "HTTP_MAX_RESPONSE_BYTES",
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const source = counted(body, maxBytes, limit);
  for await (const chunk of counted(decoded(source, contentEncoding), maxBytes, limit)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The first `maxBytes` of a body, to be shown in an error; what cannot be read is left out. */
export async function peekBody(body: Readable, contentEncoding: string, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of decoded(startOf(body, 16 * maxBytes), contentEncoding)) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= maxBytes) break;
    }
  } catch {
    // The status is what failed; a body that cannot be read adds nothing to it.
  }
  return Buffer.concat(chunks).subarray(0, maxBytes);
}

async function* startOf(source: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  let left = maxBytes;
  for await (const chunk of source) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}

async function* counted(source: AsyncIterable<Buffer>, maxBytes: number, limit: string): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new ProblemError("communication", `the body of the response is longer than ${maxBytes} bytes (${limit})`);
    }
    yield chunk;
  }
}

/** Undoes the encodings, the last one applied first. */
async function* decoded(source: AsyncIterable<Buffer>, contentEncoding: string): AsyncGenerator<Buffer> {
  const encodings = contentEncoding
    .toLowerCase()
    .split(",")
    .map((encoding) => encoding.trim())
    .filter((encoding) => encoding !== "" && encoding !== "identity")
    .reverse();
  if (encodings.length > 3) throw new ProblemError("communication", "the response is compressed more than three times");
  let stream = source;
  for (const encoding of encodings) stream = decodedOnce(stream, encoding);
  yield* stream;
}

async function* decodedOnce(source: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  const chunks = source[Symbol.asyncIterator]();
  const first = await chunks.next();
  if (first.done === true) return;
  const decoder = decoderOf(encoding, first.value);
  const input = Readable.from(rejoined(first.value, chunks));
  // `pipe` does not pass errors on; without this the decoder would wait for ever.
  input.on("error", (error) => decoder.destroy(error));
  try {
    yield* input.pipe(decoder);
  } catch (error) {
    if (isZlibError(error)) throw new ProblemError("communication", `the response is not valid ${encoding}`);
    throw error;
  } finally {
    input.destroy();
    decoder.destroy();
  }
}

async function* rejoined(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield first;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

function decoderOf(encoding: string, start: Buffer): Transform {
  switch (encoding) {
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "br":
      return createBrotliDecompress();
    case "deflate":
      // Meant to be zlib; some servers send raw deflate. The low four bits of a zlib header are always 8.
      return ((start[0] ?? 0) & 0x0f) === 8 ? createInflate() : createInflateRaw();
    default:
      throw new ProblemError(
        "communication",
        `the response has the unknown content encoding ${JSON.stringify(encoding.slice(0, 40))}`,
      );
  }
}

function isZlibError(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return (
    code.startsWith("Z_") ||
    code.startsWith("ERR_BROTLI") ||
    code.startsWith("ERR__ERROR_") ||
    code.startsWith("ERR_ZLIB")
  );
}
