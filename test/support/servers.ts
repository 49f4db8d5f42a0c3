export { freshDatabase, type PostgresOptions, startPostgres } from "./postgres-server.ts";
export { type RedisOptions, startRedis } from "./redis-server.ts";
export type { TestServer } from "./server-process.ts";
