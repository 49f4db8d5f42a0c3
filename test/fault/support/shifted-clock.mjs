// Preloaded by --import: this process believes that it is CLOCK_SHIFT_MS later.
const shift = Number(process.env.CLOCK_SHIFT_MS);
const TrueDate = Date;
const now = () => TrueDate.now() + shift;
globalThis.Date = class extends TrueDate {
  constructor(...given) {
    if (given.length === 0) super(now());
    else super(...given);
  }
  static now = now;
};
