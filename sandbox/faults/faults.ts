import { randomInt } from 'node:crypto';
import { RateLimit } from './rate-limit';
import { invalidRequest } from '../stripe/errors';

/** Faults for all of `/v1`, on top of what a payment method does. */
export interface FaultSettings {
  latencyMs: number;
  /** Share of requests answered 500 before anything is executed. */
  errorRate: number;
  /** Share of requests never answered: half of them carried out, half not. */
  timeoutRate: number;
  /** Share of requests carried out whose connection is then closed without an answer. */
  dropAnswersRate: number;
  /** Calls taken in any one second, those above it being answered 429; absent while there is no limit. */
  rateLimitPerSecond?: number;
  /** How much later the webhooks go out of what happens meanwhile. */
  webhookDelayMs: number;
  /** Every connection is reset, as by a provider that is gone. */
  down: boolean;
  /** The same seed and the same sequence of requests meet the same faults. */
  seed: number;
}

export type Verdict = 'pass' | 'error' | 'timeout-before' | 'timeout-after' | 'drop-answer';

const share = { min: 0, max: 1, isWhole: false };
const limits: Readonly<
  Record<Exclude<keyof FaultSettings, 'down'>, { min: number; max: number; isWhole: boolean }>
> = {
  latencyMs: { min: 0, max: 600_000, isWhole: true },
  errorRate: share,
  timeoutRate: share,
  dropAnswersRate: share,
  // No calls at all is what `down` is for.
  rateLimitPerSecond: { min: 1, max: 10_000, isWhole: true },
  webhookDelayMs: { min: 0, max: 600_000, isWhole: true },
  seed: { min: 0, max: 0xffff_ffff, isWhole: true },
};

const none: FaultSettings = {
  latencyMs: 0,
  errorRate: 0,
  timeoutRate: 0,
  dropAnswersRate: 0,
  webhookDelayMs: 0,
  down: false,
  seed: 0,
};

/** The faults in force, and the dice that deal them out. */
export class Faults {
  current: FaultSettings = none;
  private random = mulberry32(none.seed);
  private rateLimit: RateLimit | undefined;

  /** Replaces all faults: what the body does not name is off. Without a seed one is drawn, and shown. */
  set(body: unknown): FaultSettings {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw invalidRequest(`Send a JSON object with any of ${Object.keys(limits).join(', ')}, down.`);
    }
    for (const [name, value] of Object.entries(body)) check(name, value);

    this.current = { ...none, seed: randomInt(2 ** 32), ...(body as Partial<FaultSettings>) };
    this.random = mulberry32(this.current.seed);
    const { rateLimitPerSecond } = this.current;
    this.rateLimit = rateLimitPerSecond === undefined ? undefined : new RateLimit(rateLimitPerSecond);
    return this.current;
  }

  clear(): FaultSettings {
    this.current = none;
    this.rateLimit = undefined;
    return this.current;
  }

  /** Whether the rate limit lets the next request in. No dice: a request turned away shifts no sequence. */
  admits(): boolean {
    return this.rateLimit?.admits(performance.now()) ?? true;
  }

  /** Decides about the next request. A die per rate each time, so that one rate does not shift another's sequence. */
  judge(): Verdict {
    const { errorRate, timeoutRate, dropAnswersRate } = this.current;
    if (errorRate === 0 && timeoutRate === 0 && dropAnswersRate === 0) return 'pass';

    const [first, second, third] = [this.random(), this.random(), this.random()];
    if (first < errorRate) return 'error';
    if (second < timeoutRate / 2) return 'timeout-before';
    if (second < timeoutRate) return 'timeout-after';
    return third < dropAnswersRate ? 'drop-answer' : 'pass';
  }
}

function check(name: string, value: unknown): void {
  if (name === 'down') {
    if (typeof value !== 'boolean') throw invalidRequest('down must be true or false.', undefined, name);
    return;
  }
  if (!Object.hasOwn(limits, name))
    throw invalidRequest(`Received unknown parameter: ${name}`, 'parameter_unknown', name);
  const { min, max, isWhole } = limits[name as keyof typeof limits];
  const isValid =
    typeof value === 'number' && value >= min && value <= max && (!isWhole || Number.isInteger(value));
  if (!isValid)
    throw invalidRequest(
      `${name} must be a ${isWhole ? 'whole ' : ''}number from ${min} to ${max}.`,
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
