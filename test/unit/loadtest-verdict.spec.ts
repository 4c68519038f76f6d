import { between, quantile } from '../../loadtest/metrics';
import { type OrderFacts, type SaleFacts, judge } from '../../loadtest/verdict';

const order = (id: string, status = 'placed', more: Partial<OrderFacts> = {}): OrderFacts => ({
  id,
  status,
  lines: [{ sku: 'A', quantity: 1 }],
  total: { amount: 500, currency: 'EUR' },
  saga: { status: status === 'placed' ? 'completed' : 'compensated' },
  ...more,
});
const paid = (orderId: string, captured = 500) => ({
  orderId,
  currency: 'EUR',
  authorized: captured,
  captured,
  refunded: 0,
  voided: 0,
});

/** Two units, three buyers: two got one each, the third was refused. */
const sale = (more: Partial<SaleFacts> = {}, reported: Partial<SaleFacts['reported']> = {}): SaleFacts => ({
  stock: [{ sku: 'A', onHand: 2, reserved: 2, available: 0 }],
  leftOver: { A: 0 },
  orders: [order('ord_1'), order('ord_2')],
  ledger: [paid('ord_1'), paid('ord_2')],
  reported: {
    orderIds: ['ord_1', 'ord_2'],
    refusedBySku: { A: 1 },
    reservedBySku: {},
    contradictions: [],
    oddAnswers: [],
    unexpected: 0,
    secondCards: [],
    ...reported,
  },
  refusedAtTheEnd: 0,
  brokenInvariants: [],
  ...more,
});

describe('judge', () => {
  it('finds no failure when every unit was sold and paid once', () => {
    expect(judge(sale())).toEqual({
      ...{ placed: 2, oversold: 0, soldShort: 0, doubleCharges: 0, saved: 0 },
      failures: [],
    });
  });

  it('works without the provider’s ledger', () => {
    expect(judge(sale({ ledger: undefined })).failures).toEqual([]);
  });

  it('ignores orders of other buyers in the ledger', () => {
    expect(
      judge(sale({ ledger: [paid('ord_1'), paid('ord_2'), paid('ord_strange', 900)] })).failures,
    ).toEqual([]);
  });

  it('finds orders that were accepted before the sale began', () => {
    const opensAt = '2026-11-20T10:00:00.000Z';
    const orders = [
      order('ord_1', 'placed', { createdAt: '2026-11-20T09:59:59.999Z' }),
      order('ord_2', 'placed', { createdAt: opensAt }),
    ];
    expect(judge(sale({ orders, opensAt })).failures).toEqual([
      '1 orders were accepted before the sale began, such as: ord_1',
    ]);
  });

  it('finds customers who have more units than allowed, over all of their placed orders', () => {
    const of = (id: string, customerId: string, status = 'placed') => order(id, status, { customerId });
    const orders = [
      of('ord_1', 'anna'),
      of('ord_2', 'anna'),
      of('ord_3', 'ben'),
      of('ord_4', 'ben', 'refunded'),
    ];
    const facts = { orders, perCustomer: 1, stock: [{ sku: 'A', onHand: 9, reserved: 3, available: 6 }] };
    const ledger = orders.map(({ id, status }) => ({
      ...paid(id),
      refunded: status === 'refunded' ? 500 : 0,
    }));
    expect(judge(sale({ ...facts, ledger })).failures).toEqual([
      '1 customers have more units than allowed, such as: anna has 2 of A',
    ]);
  });

  it('counts sales that a second card saved', () => {
    expect(judge(sale({}, { secondCards: ['ord_2', 'ord_gone'] })).saved).toBe(1);
  });

  it('counts units sold beyond the stock as oversold', () => {
    const orders = [order('ord_1'), order('ord_2'), order('ord_3')];
    const verdict = judge(sale({ orders, ledger: orders.map(({ id }) => paid(id)) }));
    expect(verdict.oversold).toBe(1);
    expect(verdict.failures).toEqual(['1 units were sold that were not there']);
  });

  it('counts a negative stock level as oversold, with any orders', () => {
    const stock = [{ sku: 'A', onHand: 2, reserved: 3, available: -1 }];
    expect(judge(sale({ stock })).oversold).toBe(1);
  });

  it('counts units that were left although a buyer was refused', () => {
    const short = { orders: [order('ord_1')], ledger: [paid('ord_1')], leftOver: { A: 1 } };
    const verdict = judge(sale(short, { orderIds: ['ord_1'] }));
    expect(verdict.soldShort).toBe(1);
    expect(verdict.failures).toEqual(['1 units of A were left although buyers were refused']);
  });

  it.each([
    ['they came back from a declined card', { orders: [order('ord_1'), order('ord_2', 'rejected')] }, {}],
    [
      'they came back from a buyer who left',
      { orders: [order('ord_1')] },
      { reservedBySku: { A: 1 }, orderIds: ['ord_1'] },
    ],
    ['nobody was refused', { orders: [order('ord_1')] }, { refusedBySku: {}, orderIds: ['ord_1'] }],
  ])('does not count units that were left when %s', (_, facts, reported) => {
    const verdict = judge(sale({ leftOver: { A: 1 }, ledger: [paid('ord_1')], ...facts }, reported));
    expect([verdict.soldShort, verdict.failures]).toEqual([0, []]);
  });

  it('counts buyers who were refused in the end although units were left', () => {
    expect(judge(sale({ refusedAtTheEnd: 3 }))).toMatchObject({
      soldShort: 3,
      failures: ['3 buyers were refused in the end although units were left'],
    });
  });

  it('counts a charge above the total as a double charge', () => {
    const verdict = judge(sale({ ledger: [paid('ord_1', 1_000), paid('ord_2')] }));
    expect(verdict.doubleCharges).toBe(1);
    expect(verdict.failures).toContain('ord_1 was charged more than its total');
  });

  it.each<[string, Partial<SaleFacts>, Partial<SaleFacts['reported']>, RegExp]>([
    ['placed but not paid', { ledger: [paid('ord_1')] }, {}, /I4 ord_2: placed for 500, but 0 kept/],
    [
      'rejected but charged',
      { orders: [order('ord_1'), order('ord_2', 'rejected')] },
      {},
      /I4 ord_2: rejected, but 500 kept/,
    ],
    [
      'accepted but missing',
      {},
      { orderIds: ['ord_1', 'ord_2', 'ord_3'] },
      /1 orders were accepted but do not exist, such as: ord_3/,
    ],
    [
      'not ended',
      { orders: [order('ord_1'), order('ord_2', 'pending', { saga: { status: 'running' } })] },
      {},
      /1 orders had not ended in time/,
    ],
    [
      'refused with enough available',
      {},
      { contradictions: ['1 of A refused with 4 available'] },
      /1 refusals contradict themselves, such as: 1 of A/,
    ],
    [
      'answered unexpectedly',
      {},
      { unexpected: 2, oddAnswers: ['500 {}'] },
      /2 unexpected responses.*500 \{\}/,
    ],
    ['breaking an invariant', { brokenInvariants: ['I2 Reserved equals …'] }, {}, /I2/],
  ])('names an order or request that was %s', (_, facts, reported, failure) => {
    expect(judge(sale(facts, reported)).failures.join('\n')).toMatch(failure);
  });
});

describe('metrics between two moments', () => {
  const bucket = (le: string, value: number, strategy = 'row-lock') => ({
    name: 'holdfast_lock_wait_seconds_bucket',
    labels: { le, strategy },
    value,
  });
  const sample = (name: string, value: number, labels = {}) => ({ name, labels, value });

  it('are differences summed over all processes', () => {
    const before = [sample('holdfast_stock_conflicts_total', 5, { strategy: 'lease' })];
    const after = [
      sample('holdfast_stock_conflicts_total', 7, { strategy: 'lease' }),
      sample('holdfast_stock_conflicts_total', 1, { strategy: 'lease' }),
      sample('holdfast_batch_size_sum', 90, { batcher: 'orders' }),
      sample('holdfast_batch_size_count', 3, { batcher: 'orders' }),
      sample('holdfast_batch_size_sum', 900, { batcher: 'saga claims' }),
      sample('holdfast_batch_size_count', 1, { batcher: 'saga claims' }),
      bucket('0.01', 0),
      bucket('+Inf', 0),
    ];
    expect(between(before, after)).toEqual({ conflicts: 3, lockWaitP99Ms: 0, batchSize: 30 });
  });

  it('are undefined where the service does not report them', () => {
    expect(between([], [])).toEqual({ conflicts: 0, lockWaitP99Ms: undefined, batchSize: undefined });
  });

  it('take percentiles from cumulative buckets of all strategies together', () => {
    const buckets = [
      bucket('0.01', 50),
      bucket('0.1', 99),
      bucket('+Inf', 100),
      bucket('0.01', 0, 'grouped'),
    ];
    expect(quantile(buckets, 0.5)).toBe(0.01);
    expect(quantile(buckets, 0.99)).toBe(0.1);
    expect(quantile(buckets, 0.999)).toBe(0.1);
  });
});
