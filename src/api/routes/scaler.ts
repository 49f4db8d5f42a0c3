import type { Scaler } from "../../runtime/scaler.ts";
import type { HttpApp } from "../http-app.ts";
import { problems } from "../schemas/common.ts";
import { scalerBody, scalerPath } from "../schemas/scaler.ts";

/** For autoscalers: queues belong to the deployment, so the tenant changes nothing here. */
export function scalerRoutes(app: HttpApp, { scaler }: { readonly scaler: Scaler }): void {
  app.get(
    "/scaler/:queue",
    {
      schema: {
        tags: ["operation"],
        summary: "How many workers a queue wants",
        description: "Cheap enough to ask every second. Delayed jobs count once their time has come.",
        params: scalerPath,
        response: { 200: scalerBody, ...problems(400, 404, 503) },
      },
    },
    ({ params }) => scaler.view(params.queue),
  );
}
