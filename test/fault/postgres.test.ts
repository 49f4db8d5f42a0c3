import { theFaults } from "./support/faults.ts";

theFaults("postgres");
