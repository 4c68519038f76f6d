import { LRUCache } from 'lru-cache';
import { clockMs } from '../clock';
import type { ProviderRecord, ProviderRecords } from './provider-records';

/** What the provider said of an order when it was last asked, and whether it answered this time. */
export interface ProviderAnswer {
  answered: boolean;
  /** Why there is no answer, in words of our own. */
  problem: string | null;
  record: ProviderRecord | null;
  /** When the record was given; null when it never was. */
  askedAt: Date | null;
}

/** However many people look at a case, the provider is asked about it this often. */
const askEveryMs = 10_000;
/** Its client waits as long for one answer; this holds however many questions one look takes. */
const answerWithinMs = 3_000;
const rememberedMax = 1_000;

interface Asked {
  at: number;
  answer: Promise<ProviderAnswer>;
}

/** Asks the provider for people: seldom, briefly, and never instead of a saga. */
export class ProviderDesk {
  private readonly asked = new LRUCache<string, Asked>({ max: rememberedMax });

  constructor(private readonly records: ProviderRecords) {}

  ask(order: { orderId: string; reference: string | null }): Promise<ProviderAnswer> {
    const before = this.asked.get(order.orderId);
    if (before && performance.now() - before.at < askEveryMs) return before.answer;
    const asked = { at: performance.now(), answer: this.askNow(order, before?.answer) };
    this.asked.set(order.orderId, asked);
    return asked.answer;
  }

  private async askNow(
    order: { orderId: string; reference: string | null },
    before: Promise<ProviderAnswer> | undefined,
  ): Promise<ProviderAnswer> {
    // Before the question: what happens during it may or may not be in the answer. By the database's clock, which dates
    // the operations that the answer is compared with.
    const askedAt = new Date(clockMs());
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, answerWithinMs, 'late')));
    try {
      const record = await Promise.race([this.records.find(order), tooLate]);
      if (record === 'late') return silent('The provider did not answer within 3 s.', await before);
      return {
        answered: true,
        problem: record ? null : 'The provider has nothing of this order yet.',
        record,
        askedAt,
      };
    } catch {
      return silent('The provider did not answer.', await before);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What was told before still stands beside the silence. */
const silent = (problem: string, before: ProviderAnswer | undefined): ProviderAnswer => ({
  answered: false,
  problem,
  record: before?.record ?? null,
  askedAt: before?.askedAt ?? null,
});
