import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { mcpServer } from "./mcp-server.ts";

/** The test's MCP server over stdio, as a program. */
process.stderr.write(`process ${process.pid}\n`);
await mcpServer().connect(new StdioServerTransport());
