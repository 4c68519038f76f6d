// Preloaded into a process (NODE_OPTIONS=--require), gives it a clock that is wrong by CLOCK_SKEW_MS.
const skewMs = Number(process.env.CLOCK_SKEW_MS);
const Real = Date;

class Skewed extends Real {
  constructor(...args) {
    if (args.length === 0) super(Skewed.now());
    else super(...args);
  }

  static now() {
    return Real.now() + skewMs;
  }
}

globalThis.Date = Skewed;
