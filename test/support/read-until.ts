/** What a stream says, up to and with a text. @throws {Error} when it ends before that. */
export async function readUntil(
  reader: ReadableStreamDefaultReader<string> | undefined,
  wanted: string,
): Promise<string> {
  let text = "";
  while (!text.includes(wanted)) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) throw new Error(`the stream has ended: ${text}`);
    text += value;
  }
  return text;
}
