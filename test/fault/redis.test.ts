import { theFaults } from "./support/faults.ts";

theFaults("redis");
