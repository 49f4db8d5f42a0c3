export { checkRedis } from "./boot-checks.ts";
export { connectRedis } from "./connection.ts";
export { createRedisDatabase, type RedisDatabaseOptions } from "./database.ts";
export { createRedisEventStore, type RedisEventStoreOptions } from "./event-store.ts";
