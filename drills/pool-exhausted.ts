import assert from 'node:assert/strict';
import { inParallel, tally } from '../test/support/shop';
import { expires } from './kit/business-as-usual';
import type { Drill } from './kit/drill';

/** Three seconds for a connection to look the caller up, three for the buyer's turn, five for a lock, four for a busy machine. */
const soonMs = 15_000;

export const drill: Drill = {
  name: 'pool-exhausted',
  promise:
    'A hundred buyers at a door with two connections, both of them waiting, are told soon to come again.',
  rows: [55],
  sometimes: ['told to come again'],
  mutants: [
    {
      name: 'waits-without-end',
      why: 'a request whose turn does not come waits until it does',
      guard: 'intake-wait-limit',
      change: (line) => line.replace(/: \w+,/, ': 600_000,'),
    },
  ],

  run: async (stage) => {
    const shop = await stage.open({
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

    const told = tally(answers, (answer) =>
      answer ? `${answer.status} ${answer.body.code}` : 'nothing, soon',
    );
    assert.deepEqual(told, { '503 unavailable': 100 });
    assert.ok(answers.every((answer) => Number(answer?.headers.get('retry-after')) > 0));
    stage.count('told to come again', answers.length);

    await shop.buy(20, { sku, atOnce: 4 });
    await expires(shop);
    await shop.audit();
  },
};
