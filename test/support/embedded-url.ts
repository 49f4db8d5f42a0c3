import { postgresBinaries } from "../../src/adapters/postgres/embedded/binaries.ts";
import { openCluster } from "../../src/adapters/postgres/embedded/cluster.ts";
import { placeOf } from "../../src/adapters/postgres/embedded/place.ts";
import { findServer, serverUrl } from "../../src/adapters/postgres/embedded/server.ts";
import { NO_LOG } from "./activity.ts";

/** Of the server that a living service runs in this directory. */
export function urlOfEmbedded(directory: string): string {
  const { home, uid } = placeOf(directory, NO_LOG);
  const cluster = openCluster(home, postgresBinaries(uid), { uid, sync: true });
  const server = findServer(cluster);
  if (server === null) throw new Error(`no embedded PostgreSQL runs in ${directory}`);
  return serverUrl(cluster, server.port);
}
