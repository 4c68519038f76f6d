import { between, quantile } from '../../loadtest/metrics';
import { type OrderTruth, type SaleFacts, judge } from '../../loadtest/truth';

const order = (id: string, status = 'placed', more: Partial<OrderTruth> = {}): OrderTruth => ({
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
const sale = (more: Partial<SaleFacts> = {}, told: Partial<SaleFacts['told']> = {}): SaleFacts => ({
  stock: [{ sku: 'A', onHand: 2, reserved: 2, available: 0 }],
  leftOver: { A: 0 },
  orders: [order('ord_1'), order('ord_2')],
  ledger: [paid('ord_1'), paid('ord_2')],
  told: {
    orderIds: ['ord_1', 'ord_2'],
    refusedBySku: { A: 1 },
    reservedBySku: {},
    contradictions: [],
    oddAnswers: [],
    unexpected: 0,
    ...told,
  },
  sentAwayAtTheEnd: 0,
  brokenInvariants: [],
  ...more,
});

describe('the verdict on a sale', () => {
  it('is clean when every unit was sold once and paid once', () => {
    expect(judge(sale())).toEqual({ placed: 2, oversold: 0, soldShort: 0, doubleCharges: 0, failures: [] });
  });

  it('is clean without the provider’s books, which not everybody shows', () => {
    expect(judge(sale({ ledger: undefined })).failures).toEqual([]);
  });

  it('leaves alone what strangers bought in the same service', () => {
    expect(
      judge(sale({ ledger: [paid('ord_1'), paid('ord_2'), paid('ord_strange', 900)] })).failures,
    ).toEqual([]);
  });

  it('counts units that were sold and not there', () => {
    const orders = [order('ord_1'), order('ord_2'), order('ord_3')];
    const verdict = judge(sale({ orders, ledger: orders.map(({ id }) => paid(id)) }));
    expect(verdict.oversold).toBe(1);
    expect(verdict.failures).toEqual(['1 units were sold that were not there']);
  });

  it('counts a level below nothing as oversold, whatever the orders say', () => {
    const stock = [{ sku: 'A', onHand: 2, reserved: 3, available: -1 }];
    expect(judge(sale({ stock })).oversold).toBe(1);
  });

  it('counts units that were left although somebody was refused', () => {
    const short = { orders: [order('ord_1')], ledger: [paid('ord_1')], leftOver: { A: 1 } };
    const verdict = judge(sale(short, { orderIds: ['ord_1'] }));
    expect(verdict.soldShort).toBe(1);
    expect(verdict.failures).toEqual(['1 units of A were left, and buyers were told there were none']);
  });

  it.each([
    ['a declined card gave them back', { orders: [order('ord_1'), order('ord_2', 'rejected')] }, {}],
    ['somebody went away', { orders: [order('ord_1')] }, { reservedBySku: { A: 1 }, orderIds: ['ord_1'] }],
    ['nobody was refused', { orders: [order('ord_1')] }, { refusedBySku: {}, orderIds: ['ord_1'] }],
  ])('forgives units that were left when %s', (_, facts, told) => {
    const verdict = judge(sale({ leftOver: { A: 1 }, ledger: [paid('ord_1')], ...facts }, told));
    expect([verdict.soldShort, verdict.failures]).toEqual([0, []]);
  });

  it('does not forgive that somebody is sent away when all is quiet and units are there', () => {
    expect(judge(sale({ sentAwayAtTheEnd: 3 }))).toMatchObject({
      soldShort: 3,
      failures: ['3 buyers were sent away from what nobody else had'],
    });
  });

  it('counts a charge above the total as a double charge', () => {
    const verdict = judge(sale({ ledger: [paid('ord_1', 1_000), paid('ord_2')] }));
    expect(verdict.doubleCharges).toBe(1);
    expect(verdict.failures).toContain('ord_1 was charged more than its total');
  });

  it.each<[string, Partial<SaleFacts>, Partial<SaleFacts['told']>, RegExp]>([
    ['placed and never paid', { ledger: [paid('ord_1')] }, {}, /I4 ord_2: placed for 500, but 0 kept/],
    [
      'charged and rejected',
      { orders: [order('ord_1'), order('ord_2', 'rejected')] },
      {},
      /I4 ord_2: rejected, but 500 kept/,
    ],
    [
      'accepted and not there',
      {},
      { orderIds: ['ord_1', 'ord_2', 'ord_3'] },
      /1 orders were accepted, and are not there, such as: ord_3/,
    ],
    [
      'never ended',
      { orders: [order('ord_1'), order('ord_2', 'pending', { saga: { status: 'running' } })] },
      {},
      /1 orders had not come to their end/,
    ],
    [
      'refused with enough available',
      {},
      { contradictions: ['1 of A refused with 4 available'] },
      /1 refusals contradict themselves, such as: 1 of A/,
    ],
    [
      'answered with what nobody expects',
      {},
      { unexpected: 2, oddAnswers: ['500 {}'] },
      /2 answers.*500 \{\}/,
    ],
    ['left with a broken invariant', { brokenInvariants: ['I2 Reserved equals …'] }, {}, /I2/],
  ])('says when somebody was %s', (_, facts, told, failure) => {
    expect(judge(sale(facts, told)).failures.join('\n')).toMatch(failure);
  });
});

describe('what the service measured itself', () => {
  const bucket = (le: string, value: number, strategy = 'row-lock') => ({
    name: 'holdfast_lock_wait_seconds_bucket',
    labels: { le, strategy },
    value,
  });
  const sample = (name: string, value: number, labels = {}) => ({ name, labels, value });

  it('is what came to it in between, over all processes', () => {
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

  it('is not made up where the service does not tell', () => {
    expect(between([], [])).toEqual({ conflicts: 0, lockWaitP99Ms: undefined, batchSize: undefined });
  });

  it('has its percentiles read off cumulative buckets, those of all strategies together', () => {
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
