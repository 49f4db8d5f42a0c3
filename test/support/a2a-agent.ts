import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  AgentCard,
  formatSSEErrorEvent,
  formatSSEEvent,
  Message,
  Task,
  TaskArtifactUpdateEvent,
  TaskStatusUpdateEvent,
} from "@a2a-js/sdk";
import { LegacyJsonRpcTransportHandler } from "@a2a-js/sdk/compat/v0_3/server";
import {
  AgentEvent,
  type AgentExecutor,
  DefaultRequestHandler,
  InMemoryTaskStore,
  JsonRpcTransportHandler,
  ServerCallContext,
  UnauthenticatedUser,
} from "@a2a-js/sdk/server";

export interface TestAgent {
  readonly origin: string;
  readonly requests: readonly {
    readonly url: string;
    readonly body: string;
    readonly idempotencyKey: string | undefined;
    readonly authorization: string | undefined;
  }[];
  close(): Promise<void>;
}

/** Answers "hello" with a message; makes a task of everything else, which ends with an artifact. */
const executor: AgentExecutor = {
  async execute({ taskId, contextId, userMessage }, bus) {
    const part = userMessage.parts[0]?.content;
    const said = part?.$case === "text" ? part.value : JSON.stringify(part?.value);
    if (said === "hello") {
      const message = Message.fromJSON({ messageId: "m1", contextId, role: "ROLE_AGENT", parts: [{ text: "hi" }] });
      bus.publish(AgentEvent.message(message));
    } else {
      const task = { id: taskId, contextId, status: { state: "TASK_STATE_WORKING" } };
      bus.publish(AgentEvent.task(Task.fromJSON(task)));
      const artifact = {
        artifactId: "a1",
        parts: [
          { text: said },
          { data: { kind: "report", n: 1 } },
          { url: "https://x.example/r.pdf", mediaType: "application/pdf" },
        ],
      };
      bus.publish(
        AgentEvent.artifactUpdate(TaskArtifactUpdateEvent.fromJSON({ taskId, contextId, artifact, lastChunk: true })),
      );
      const status = { state: said === "wait" ? "TASK_STATE_INPUT_REQUIRED" : "TASK_STATE_COMPLETED" };
      bus.publish(AgentEvent.statusUpdate(TaskStatusUpdateEvent.fromJSON({ taskId, contextId, status })));
    }
    bus.finished();
  },
  async cancelTask(taskId, bus) {
    const status = { state: "TASK_STATE_CANCELED" };
    bus.publish(AgentEvent.statusUpdate(TaskStatusUpdateEvent.fromJSON({ taskId, contextId: "", status })));
    bus.finished();
  },
};

/** An agent made with the official SDK that speaks one version of A2A by JSON-RPC. */
export async function startAgent(version: "0.3" | "1.0"): Promise<TestAgent> {
  const requests: TestAgent["requests"][number][] = [];
  let handler: JsonRpcTransportHandler | LegacyJsonRpcTransportHandler | undefined;
  let card: unknown;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const key = request.headers["idempotency-key"];
    const { url = "", headers } = request;
    const idempotencyKey = typeof key === "string" ? key : undefined;
    requests.push({ url, body, idempotencyKey, authorization: headers.authorization });
    const json = { "content-type": "application/json" };
    if (request.method === "GET") return void response.writeHead(200, json).end(JSON.stringify(card));
    const context = new ServerCallContext({ user: new UnauthenticatedUser(), requestedVersion: version });
    const result = await handler?.handle(JSON.parse(body), context);
    if (result === undefined || !(Symbol.asyncIterator in result)) {
      return void response.writeHead(200, json).end(JSON.stringify(result));
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    try {
      for await (const event of result) response.write(formatSSEEvent(event));
      response.end();
    } catch (error) {
      const answer = { jsonrpc: "2.0", id: JSON.parse(body).id, error: { code: -32001, message: String(error) } };
      response.end(formatSSEErrorEvent(answer));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const core = AgentCard.fromJSON({
    name: "test",
    description: "an agent for tests",
    version: "1.0.0",
    supportedInterfaces: [{ url: `${origin}/rpc`, protocolBinding: "JSONRPC", protocolVersion: version }],
    capabilities: { streaming: true, pushNotifications: true, extendedAgentCard: true },
    defaultInputModes: ["text/plain"],
    defaultOutputModes: ["text/plain"],
  });
  card =
    version === "1.0"
      ? AgentCard.toJSON(core)
      : {
          name: "test",
          description: "",
          version: "1.0.0",
          protocolVersion: "0.3.0",
          url: `${origin}/rpc`,
          preferredTransport: "JSONRPC",
          capabilities: { streaming: true, pushNotifications: true },
          supportsAuthenticatedExtendedCard: true,
          defaultInputModes: [],
          defaultOutputModes: [],
          skills: [],
        };
  const requestHandler = new DefaultRequestHandler(
    core,
    new InMemoryTaskStore(),
    executor,
    undefined,
    undefined,
    undefined,
    core,
  );
  handler =
    version === "1.0" ? new JsonRpcTransportHandler(requestHandler) : new LegacyJsonRpcTransportHandler(requestHandler);
  return {
    origin,
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
