import type { Log } from "../../ports/executor.ts";
import { postgresBinaries } from "./embedded/binaries.ts";
import { type Cluster, openCluster } from "./embedded/cluster.ts";
import { takeOwnership } from "./embedded/ownership.ts";
import { type Place, placeOf } from "./embedded/place.ts";
import { startOfProcess } from "./embedded/process-identity.ts";
import { findServer, isHealthy, type RunningServer, serverUrl, startServer, stopServer } from "./embedded/server.ts";

export interface EmbeddedPostgresOptions {
  /** Made when it is missing. */
  readonly dataDir: string;
  readonly log: Log;
}
export interface EmbeddedPostgres {
  /** With the password; never log it. */
  readonly url: string;
  /** Resolves when the server is gone though nobody stopped it. */
  readonly lost: Promise<void>;
  /** Ends the server in good order. To be called after everything that uses it is closed; repeatable. */
  stop(): Promise<void>;
}

/**
 * A PostgreSQL server of our own in `dataDir`, on the loopback interface. A server whose process was killed without a chance to stop
 * it is taken over, or stopped and started anew.
 *
 * @throws {ConfigError} when another living process owns the directory, the binaries are missing, or it does not start.
 */
export async function startEmbeddedPostgres({ dataDir, log }: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const place = placeOf(dataDir, log);
  const ownership = takeOwnership(place.home);
  try {
    const binaries = postgresBinaries(place.uid);
    const cluster = openCluster(place.home, binaries, { uid: place.uid, sync: true });
    const server = (await adopt(cluster, log)) ?? (await startServer(place, cluster, binaries, log));
    return running(place, cluster, server, ownership.release, log);
  } catch (error) {
    ownership.release();
    throw error;
  }
}

function running(
  { home }: Place,
  cluster: Cluster,
  { pid, port }: RunningServer,
  release: () => void,
  log: Log,
): EmbeddedPostgres {
  log.info({ directory: home, port, pid }, "the embedded PostgreSQL is running");
  let stopped: Promise<void> | undefined;
  return {
    url: serverUrl(cluster, port),
    lost: goneUnasked(pid, () => stopped !== undefined),
    stop() {
      stopped ??= stopServer(pid).finally(release);
      return stopped;
    },
  };
}

/** Asks, since a server that was taken over is no child of this process. */
function goneUnasked(pid: number, isStopping: () => boolean): Promise<void> {
  const start = startOfProcess(pid);
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const isGone = !isStopping() && startOfProcess(pid) !== start;
      if (isGone || isStopping()) clearInterval(timer);
      if (isGone) resolve();
    }, LOOK_EVERY_MS);
    timer.unref();
  });
}

const LOOK_EVERY_MS = 2_000;

async function adopt(cluster: Cluster, log: Log): Promise<RunningServer | null> {
  const server = findServer(cluster);
  if (server === null) return null;
  if (await isHealthy(cluster, server)) {
    log.warn({ pid: server.pid }, "took over an embedded PostgreSQL whose process was killed");
    return server;
  }
  log.warn({ pid: server.pid }, "stopping an embedded PostgreSQL whose process was killed and that does not answer");
  await stopServer(server.pid);
  return null;
}
