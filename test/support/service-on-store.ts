import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { type Api, apiOf } from "./api.ts";
import { type Outside, startOutside } from "./outside.ts";
import { type ServiceProcess, startService } from "./service-process.ts";
import type { Environment, StoreUnderTest } from "./stores.ts";

export interface ServiceOnStore {
  readonly api: Api;
  readonly service: ServiceProcess;
  readonly outside: Outside;
}

/**
 * One service on a fresh store for all tests of a block, where nothing is made to fail: after each of them no job was missing, and
 * at the end it drains with 0.
 */
export function serviceOnStore(store: StoreUnderTest, env: Environment = {}): ServiceOnStore {
  let parts: ServiceOnStore | undefined;
  const part = (): ServiceOnStore => {
    if (parts === undefined) throw new Error("the service is not started yet");
    return parts;
  };
  beforeAll(async () => {
    const outside = await startOutside();
    const service = await startService({ env: { ...(await store.fresh()), ...env } });
    parts = { api: apiOf(service), service, outside };
  });
  afterEach(async () => {
    expect(await part().api.rescues()).toBe(0);
  });
  afterAll(async () => {
    const code = await parts?.service.stop();
    await parts?.outside.close();
    expect(code).toBe(0);
  });
  return {
    get api() {
      return part().api;
    },
    get service() {
      return part().service;
    },
    get outside() {
      return part().outside;
    },
  };
}
