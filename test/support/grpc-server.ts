import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
} from "@grpc/grpc-js";
import { fromJSON, type ServiceDefinition } from "@grpc/proto-loader";
import protobuf from "protobufjs";

/** What the server below understands. */
export const GREETER = `
syntax = "proto3";
package greet.v1;
import "google/protobuf/timestamp.proto";
message Who { string name = 1; int64 count = 2; bytes seal = 3; google.protobuf.Timestamp at = 4; }
message Hello { string text = 1; int64 big_number = 2; bytes seal = 3; repeated string list = 4; google.protobuf.Timestamp at = 5; }
service Greeter {
  rpc SayHello (Who) returns (Hello);
  rpc Repeat (Who) returns (stream Hello);
  rpc Collect (stream Who) returns (Hello);
  rpc Converse (stream Who) returns (stream Hello);
}
`;

type Who = { readonly name: string; readonly count: string; readonly seal: Buffer; readonly at: unknown };

type Seen = Pick<ServerUnaryCall<Who, object>, "metadata" | "getDeadline"> & {
  on(event: "cancelled", listener: () => void): unknown;
};

export interface GrpcCallSeen {
  readonly method: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Of the client, epoch ms; null when it set none. */
  readonly deadline: number | null;
  cancelled: boolean;
}

export interface TestGrpcServer {
  readonly port: number;
  readonly calls: readonly GrpcCallSeen[];
  /** The value of `authorization` that is let in; null: anybody. */
  demand(authorization: string | null): void;
  close(): void;
}

/** A gRPC server on loopback. SayHello fails with the status a name like `fail-5` says, and never answers `hang`. */
export async function startGrpcServer(): Promise<TestGrpcServer> {
  const { root } = protobuf.parse(GREETER, new protobuf.Root(), { keepCase: true });
  const common = protobuf.common.get("google/protobuf/timestamp.proto");
  if (common?.nested !== undefined) root.addJSON(common.nested);
  const definitions = fromJSON(root.toJSON(), { keepCase: true, longs: String });
  const calls: GrpcCallSeen[] = [];
  let demanded: string | null = null;
  const note = (method: string, call: Seen) => {
    const deadline = call.getDeadline();
    const at = typeof deadline === "number" ? deadline : deadline.getTime();
    const seen: GrpcCallSeen = {
      method,
      metadata: call.metadata.getMap(),
      deadline: Number.isFinite(at) ? at : null,
      cancelled: false,
    };
    calls.push(seen);
    call.on("cancelled", () => {
      seen.cancelled = true;
    });
    return demanded === null || seen.metadata.authorization === demanded;
  };
  const refusal = { code: status.UNAUTHENTICATED, details: "who are you?" };
  const server = new Server();
  server.addService(definitions["greet.v1.Greeter"] as ServiceDefinition, {
    SayHello(call: ServerUnaryCall<Who, object>, answer: (error: object | null, value?: object) => void) {
      const { name, count, seal, at } = call.request;
      if (!note("SayHello", call)) return answer(refusal);
      if (name === "hang") return;
      const code = /^fail-(\d+)$/.exec(name)?.[1];
      if (code !== undefined) return answer({ code: Number(code), details: `no ${name}` });
      answer(null, { text: `Hello ${name}`, big_number: count, seal, list: [], at });
    },
    Repeat(call: ServerWritableStream<Who, object>) {
      note("Repeat", call);
      const { name, count } = call.request;
      for (let i = 0; i < Number(count); i++) call.write({ text: `${name} ${i}` });
      if (name === "broken") call.emit("error", { code: status.DATA_LOSS, details: "lost" });
      else call.end();
    },
    Collect(call: ServerReadableStream<Who, object>, answer: (error: object | null, value?: object) => void) {
      if (!note("Collect", call)) return answer(refusal);
      const names: string[] = [];
      call.on("data", ({ name }: Who) => {
        names.push(name);
        // Whoever has heard enough need not hear the rest.
        if (name === "enough") answer(null, { text: `after ${names.length}`, list: [] });
        if (name === "fail") answer({ code: status.FAILED_PRECONDITION, details: "no more" });
      });
      call.on("end", () => {
        if (!names.includes("hang")) answer(null, { text: `${names.length} names`, list: names.slice(0, 5) });
      });
    },
    Converse(call: ServerDuplexStream<Who, object>) {
      note("Converse", call);
      call.on("data", ({ name, count }: Who) => {
        for (let i = 0; i < Number(count); i++) call.write({ text: `${name} ${i}` });
        if (name === "broken") call.emit("error", { code: status.DATA_LOSS, details: "lost" });
      });
      call.on("end", () => call.end());
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return {
    port,
    calls,
    demand(authorization) {
      demanded = authorization;
    },
    close: () => server.forceShutdown(),
  };
}
