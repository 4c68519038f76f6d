import { randomInt } from 'node:crypto';
import { invalidRequest } from './stripe-errors';

/** Faults for all of `/v1`, on top of what a payment method does. */
export interface FaultSettings {
  latencyMs: number;
  /** Share of requests answered 500 before anything is executed. */
  errorRate: number;
  /** Share of requests never answered: half of them carried out, half not. */
  timeoutRate: number;
  /** Every connection is reset, as by a provider that is gone. */
  down: boolean;
  /** The same seed and the same sequence of requests meet the same faults. */
  seed: number;
}

export type Verdict = 'pass' | 'error' | 'timeout-before' | 'timeout-after';

const limits: Readonly<
  Record<'latencyMs' | 'errorRate' | 'timeoutRate' | 'seed', { max: number; isWhole: boolean }>
> = {
  latencyMs: { max: 600_000, isWhole: true },
  errorRate: { max: 1, isWhole: false },
  timeoutRate: { max: 1, isWhole: false },
  seed: { max: 0xffff_ffff, isWhole: true },
};

const none: FaultSettings = { latencyMs: 0, errorRate: 0, timeoutRate: 0, down: false, seed: 0 };

/** The faults in force, and the dice that deal them out. */
export class Faults {
  current: FaultSettings = none;
  private random = mulberry32(none.seed);

  /** Replaces all faults: what the body does not name is off. Without a seed one is drawn, and shown. */
  set(body: unknown): FaultSettings {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw invalidRequest('Send a JSON object with any of latencyMs, errorRate, timeoutRate, seed, down.');
    }
    for (const [name, value] of Object.entries(body)) check(name, value);

    this.current = { ...none, seed: randomInt(2 ** 32), ...(body as Partial<FaultSettings>) };
    this.random = mulberry32(this.current.seed);
    return this.current;
  }

  clear(): FaultSettings {
    this.current = none;
    return this.current;
  }

  /** Decides about the next request. Two dice each time, so that one rate does not shift the other's sequence. */
  judge(): Verdict {
    const { errorRate, timeoutRate } = this.current;
    if (errorRate === 0 && timeoutRate === 0) return 'pass';

    const [first, second] = [this.random(), this.random()];
    if (first < errorRate) return 'error';
    if (second < timeoutRate / 2) return 'timeout-before';
    return second < timeoutRate ? 'timeout-after' : 'pass';
  }
}

function check(name: string, value: unknown): void {
  if (name === 'down') {
    if (typeof value !== 'boolean') throw invalidRequest('down must be true or false.', undefined, name);
    return;
  }
  if (!Object.hasOwn(limits, name))
    throw invalidRequest(`Received unknown parameter: ${name}`, 'parameter_unknown', name);
  const { max, isWhole } = limits[name as keyof typeof limits];
  const isValid =
    typeof value === 'number' && value >= 0 && value <= max && (!isWhole || Number.isInteger(value));
  if (!isValid)
    throw invalidRequest(
      `${name} must be a ${isWhole ? 'whole ' : ''}number from 0 to ${max}.`,
      undefined,
      name,
    );
}

/** A small generator with 32 bits of state: plenty for dice, and the same on every machine. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
