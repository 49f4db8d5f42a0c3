import { type AddressInfo, createServer } from "node:net";
import { Aedes } from "aedes";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startAgent, type TestAgent } from "../support/a2a-agent.ts";
import { documentOf } from "../support/api.ts";
import { type McpHttpServer, startMcpServer } from "../support/mcp-server.ts";
import { serviceOnStore } from "../support/service-on-store.ts";
import { onEachStore } from "../support/stores.ts";

const SECRET = "hunter2-hunter2";

let mcp: McpHttpServer;
let agent: TestAgent;
let mqtt: { readonly address: string; readonly broker: Aedes; close(): Promise<unknown> };

beforeAll(async () => {
  const broker = await Aedes.createBroker();
  const server = createServer(broker.handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  mqtt = {
    address,
    broker,
    close: () => new Promise<void>((resolve) => broker.close(() => server.close(() => resolve()))),
  };
  [mcp, agent] = await Promise.all([startMcpServer(), startAgent("1.0")]);
});
afterAll(async () => {
  await Promise.all([mcp.close(), agent.close(), mqtt.close()]);
});

onEachStore((store) => {
  const on = serviceOnStore(store, { SECRET_TOKEN: SECRET, ALLOW_PRIVATE_NETWORK: "true" });

  test("given an MCP server and an agent, when a workflow calls them, then their results flow, and no secret is recorded", async () => {
    const { executionId } = await on.api.start(
      documentOf(
        `
        - add:
            call: mcp
            with:
              method: tools/call
              parameters: { name: add, arguments: { a: "\${ .a }", b: 2 } }
              transport: { http: { endpoint: "${mcp.url}", headers: { authorization: "\${ \\"Bearer \\" + $secrets.TOKEN }" } } }
        - ask:
            call: a2a
            with:
              method: message/send
              agentCard: { endpoint: "${agent.origin}/.well-known/agent-card.json" }
              parameters: { message: { parts: [{ kind: text, text: "\${ .content[0].text | fromjson | .sum | tostring }" }] } }
            output: { as: ".artifacts[0].parts[0].text" }
        - refused:
            try: [{ fail: { call: mcp, with: { method: tools/call, parameters: { name: fail }, transport: { http: { endpoint: "${mcp.url}" } } } } }]
            catch: { as: e, do: [{ note: { set: { said: "\${ . }", why: "\${ $e.detail }" } } }] }
        - login:
            call: mcp
            with: { method: tools/list, transport: { http: { endpoint: { uri: "${mcp.url}", authentication: { basic: { username: ada, password: "\${ $secrets.TOKEN }" } } } }, options: { maxRetries: "1" } } }
            output: { as: "$input" }
        - stdio: { call: mcp, with: { method: tools/list, transport: { stdio: { command: node } } }, if: "false" }
      `,
        "use: { secrets: [TOKEN] }",
      ),
      { input: { a: 1 } },
    );
    expect(await on.api.ended(executionId)).toMatchObject({
      status: "COMPLETED",
      output: { said: "3", why: "the MCP tool failed: out of stock" },
    });
    expect(mcp.requests.some(({ headers }) => headers.authorization === `Bearer ${SECRET}`)).toBe(true);
    expect(mcp.requests.some(({ headers }) => headers.authorization === `Basic ${btoa(`ada:${SECRET}`)}`)).toBe(true);
    expect(JSON.stringify(await on.api.history(executionId))).not.toContain(SECRET);
  });

  test("given a broker, when a workflow subscribes and another publishes, then the message arrives", async () => {
    on.outside.answer("/asyncapi.json", () => ({
      body: {
        asyncapi: "3.0.0",
        servers: { main: { protocol: "mqtt", host: mqtt.address } },
        channels: { orders: { address: `orders/${store.name}` } },
        operations: {
          place: { action: "receive", channel: { $ref: "#/channels/orders" } },
          hear: { action: "send", channel: { $ref: "#/channels/orders" } },
        },
      },
    }));
    const document = `document: { endpoint: "${on.outside.url}/asyncapi.json" }`;
    const subscribed = new Promise((resolve) => mqtt.broker.once("subscribe", resolve));
    const hears = await on.api.start(
      documentOf(`
        - hear: { call: asyncapi, with: { ${document}, operation: hear, subscription: { filter: "\${ .payload.to == $input.name }", consume: { amount: 1 } } } }
      `),
      { input: { name: "Ada" } },
    );
    await subscribed;
    const places = await on.api.start(
      documentOf(`
        - other: { call: asyncapi, with: { ${document}, operation: place, message: { payload: { to: Bob } } } }
        - place: { call: asyncapi, with: { ${document}, operation: place, message: { payload: { to: "\${ $workflow.input.to }" } } } }
      `),
      { input: { to: "Ada" } },
    );
    expect(await on.api.ended(places.executionId)).toMatchObject({ output: { payload: { to: "Ada" }, headers: {} } });
    expect((await on.api.ended(hears.executionId)).output).toEqual([{ payload: { to: "Ada" }, headers: {} }]);
  });
});
