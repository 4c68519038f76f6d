import assert from 'node:assert/strict';
import { inParallel, tally } from '../test/support/shop';
import { expires } from './kit/business-as-usual';
import type { Drill } from './kit/drill';

/** 3 s to get a connection for the API key, 3 s for the admission limit, 5 s for a lock, 4 s for a busy machine. */
const soonMs = 15_000;

export const drill: Drill = {
  name: 'pool-exhausted',
  promise:
    'With both of two database connections blocked, a hundred buyers get 503 with Retry-After within seconds.',
  rows: [55],
  sometimes: ['answered with 503'],
  mutants: [
    {
      name: 'waits-forever',
      why: 'a request waits for a connection without a limit',
      guard: 'intake-wait-limit',
      change: (line) => line.replace(/: \w+,/, ': 600_000,'),
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({
      queue: 'postgres',
      envOf: { 'api-1': { DATABASE_POOL_MAX: '2', INTAKE_WAIT_MS_MAX: '3000' } },
    });
    const sku = await shop.product(1_000);

    const letGo = await shop.holdStock(sku);
    const by = shop.client.patientFor(soonMs);
    const answers = await inParallel(100, 100, () =>
      shop.order({ lines: [{ sku, quantity: 1 }] }, { by }).catch(() => undefined),
    );
    await letGo();

    const outcomes = tally(answers, (answer) =>
      answer ? `${answer.status} ${answer.body.code}` : 'nothing, soon',
    );
    assert.deepEqual(outcomes, { '503 unavailable': 100 });
    assert.ok(answers.every((answer) => Number(answer?.headers.get('retry-after')) > 0));
    environment.count('answered with 503', answers.length);

    await shop.buy(20, { sku, atOnce: 4 });
    await expires(shop);
    await shop.audit();
  },
};
