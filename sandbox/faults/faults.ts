import { randomInt } from 'node:crypto';
import { RateLimit } from './rate-limit';
import { invalidRequest } from '../stripe/errors';

/** Faults for all of `/v1`, in addition to what a payment method does. */
export interface FaultSettings {
  latencyMs: number;
  /** Share of requests that get 500 before anything is executed. */
  errorRate: number;
  /** Share of requests that are never answered: half of them executed, half not. */
  timeoutRate: number;
  /** Share of requests that are executed and then lose their connection without a response. */
  dropAnswersRate: number;
  /** Requests admitted in any one second; further ones get 429. Absent: no limit. */
  rateLimitPerSecond?: number;
  /** Requests in progress at once; further ones get 429 without `Retry-After`. Absent: no limit. */
  requestsAtOnceMax?: number;
  /** Delay of the webhooks of what happens while this is set. */
  webhookDelayMs: number;
  /** How long a search does not find an intent that was just made. Absent: the setting. */
  searchLagMs?: number;
  /** Every connection is reset, as when the provider is down. */
  down: boolean;
  /** The same seed and the same sequence of requests get the same faults. */
  seed: number;
}

export type Verdict = 'pass' | 'error' | 'timeout-before' | 'timeout-after' | 'drop-response';

const share = { min: 0, max: 1, isWhole: false };
const limits: Readonly<
  Record<Exclude<keyof FaultSettings, 'down'>, { min: number; max: number; isWhole: boolean }>
> = {
  latencyMs: { min: 0, max: 600_000, isWhole: true },
  errorRate: share,
  timeoutRate: share,
  dropAnswersRate: share,
  // For no requests at all there is `down`.
  rateLimitPerSecond: { min: 1, max: 10_000, isWhole: true },
  requestsAtOnceMax: { min: 1, max: 1_000, isWhole: true },
  webhookDelayMs: { min: 0, max: 600_000, isWhole: true },
  searchLagMs: { min: 0, max: 3_600_000, isWhole: true },
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

/** The current faults, and the random numbers that select the requests they hit. */
export class Faults {
  current: FaultSettings = none;
  private random = mulberry32(none.seed);
  private rateLimit: RateLimit | undefined;

  /** Replaces all faults: those that the body does not name are off. Without a seed, a random one is used and shown. */
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

  /** Whether the rate limit admits the next request. It draws no random numbers, so a refused request shifts no sequence. */
  admits(): boolean {
    return this.rateLimit?.admits(performance.now()) ?? true;
  }

  /** Decides about the next request. Draws a number per rate each time, so that one rate does not shift another's sequence. */
  judge(): Verdict {
    const { errorRate, timeoutRate, dropAnswersRate } = this.current;
    if (errorRate === 0 && timeoutRate === 0 && dropAnswersRate === 0) return 'pass';

    const [first, second, third] = [this.random(), this.random(), this.random()];
    if (first < errorRate) return 'error';
    if (second < timeoutRate / 2) return 'timeout-before';
    if (second < timeoutRate) return 'timeout-after';
    return third < dropAnswersRate ? 'drop-response' : 'pass';
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

/** A small seeded generator, the same on every machine. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
