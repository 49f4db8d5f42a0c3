import { expect, test } from "vitest";
import { eventFault } from "../../../src/values/cloud-event.ts";

const EVENT = { specversion: "1.0", id: "1", source: "/s", type: "t" };

test("given a required attribute that is empty, when the event is judged, then it is refused by its name", () => {
  expect(eventFault(EVENT)).toBeUndefined();
  for (const member of ["id", "source", "type"]) {
    expect(eventFault({ ...EVENT, [member]: "" })).toMatchObject({ member });
  }
});
