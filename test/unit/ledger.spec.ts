import { newId, publicId, serveCell } from '../../src/ids';
import { type LedgerRow, type OrderFacts, compareWithLedger } from '../../src/audit/ledger';

const order = (id: string, facts: Partial<OrderFacts> = {}): OrderFacts => ({
  id,
  status: 'placed',
  total: 1999,
  currency: 'EUR',
  settled: true,
  kept: 1999,
  ...facts,
});
const row = (orderId: string, sums: Partial<LedgerRow> = {}): LedgerRow => ({
  orderId,
  currency: 'EUR',
  authorized: 1999,
  captured: 1999,
  refunded: 0,
  voided: 0,
  ...sums,
});
const idOfCell = (number: number): string => {
  serveCell(number);
  const id = publicId('ord', newId());
  serveCell(0);
  return id;
};

/** Next to each wrong order there is a correct one. */
const violationsOf = (orders: OrderFacts[], rows: LedgerRow[]) =>
  compareWithLedger([order('ord_fine'), ...orders], [row('ord_fine'), ...rows]).map(
    ({ invariant, orderId }) => `${invariant} ${orderId}`,
  );

describe('the comparison with the provider’s ledger', () => {
  it.each<[string, OrderFacts[], LedgerRow[]]>([
    ['a placed order whose charge was captured', [order('ord_a')], [row('ord_a')]],
    [
      'a declined order without an authorization',
      [order('ord_a', { status: 'rejected' })],
      [row('ord_a', { authorized: 0, captured: 0 })],
    ],
    ['a rejected order that the provider never heard of', [order('ord_a', { status: 'rejected' })], []],
    [
      'a rejected order whose authorization was voided',
      [order('ord_a', { status: 'rejected' })],
      [row('ord_a', { captured: 0, voided: 1999 })],
    ],
    ['a refunded order', [order('ord_a', { status: 'refunded' })], [row('ord_a', { refunded: 1999 })]],
    [
      'a placed order that was refunded in part',
      [order('ord_a', { kept: 1500 })],
      [row('ord_a', { refunded: 499 })],
    ],
    [
      'a placed order that is captured when it ships',
      [order('ord_a', { kept: 0, held: 1999 })],
      [row('ord_a', { captured: 0 })],
    ],
    [
      'a shipped order of which less was captured',
      [order('ord_a', { kept: 1500 })],
      [row('ord_a', { captured: 1500, voided: 499 })],
    ],
    [
      'P18: an order whose refund failed',
      [order('ord_a', { status: 'refunded', failedRefund: 1999 })],
      [row('ord_a')],
    ],
    [
      'P25: a placed order of which an operator refunded a part in the dashboard',
      [order('ord_a', { refundedOutside: 500 })],
      [row('ord_a', { refunded: 500 })],
    ],
    ['P25: a disputed order', [order('ord_a', { disputed: 1999 })], [row('ord_a', { disputed: 1999 })]],
    [
      'an order in flight that holds money',
      [order('ord_a', { status: 'pending', settled: false })],
      [row('ord_a')],
    ],
    ['a charge for an order of another cell at the same account', [], [row(idOfCell(3))]],
  ])('finds nothing wrong with %s', (_, orders, rows) => {
    expect(violationsOf(orders, rows)).toEqual([]);
  });

  it('finds a charge for an order of this cell that is not here, beside one of another cell', () => {
    const lost = idOfCell(0);
    expect(violationsOf([], [row(lost), row(idOfCell(3))])).toEqual([`I4 ${lost}`]);
  });

  it.each<[string, string, OrderFacts[], LedgerRow[]]>([
    [
      'a placed order whose authorization ended and is recorded as standing',
      'I8 ord_a',
      [order('ord_a', { kept: 0, held: 1999 })],
      [row('ord_a', { captured: 0, voided: 1999 })],
    ],
    [
      'an authorization that is recorded as ended',
      'I8 ord_a',
      [order('ord_a', { kept: 0 })],
      [row('ord_a', { captured: 0 })],
    ],
    [
      'a refund in part that is not recorded',
      'I4 ord_a',
      [order('ord_a')],
      [row('ord_a', { refunded: 499 })],
    ],
    ['a placed order without a charge', 'I4 ord_a', [order('ord_a')], []],
    [
      'a placed order charged too little',
      'I4 ord_a',
      [order('ord_a')],
      [row('ord_a', { captured: 1000, voided: 999 })],
    ],
    [
      'a charge kept for a rejected order',
      'I4 ord_a',
      [order('ord_a', { status: 'rejected' })],
      [row('ord_a')],
    ],
    [
      'P18: a failed refund of an order that is called refunded',
      'I4 ord_a',
      [order('ord_a', { status: 'refunded' })],
      [row('ord_a')],
    ],
    [
      'P18: a refund that succeeded and is called failed',
      'I4 ord_a',
      [order('ord_a', { status: 'refunded', failedRefund: 1999 })],
      [row('ord_a', { refunded: 1999 })],
    ],
    [
      'P25: a refund in the dashboard that is not recorded',
      'I4 ord_a',
      [order('ord_a')],
      [row('ord_a', { refunded: 500 })],
    ],
    ['P25: a dispute that is not recorded', 'I4 ord_a', [order('ord_a')], [row('ord_a', { disputed: 1999 })]],
    [
      'P25: a dispute that was won and is recorded as open',
      'I4 ord_a',
      [order('ord_a', { disputed: 1999 })],
      [row('ord_a', { disputed: 0 })],
    ],
    ['a charge for an order that is not here', 'I4 ord_x', [], [row('ord_x')]],
    ['an authorization for an order that is not here', 'I4 ord_x', [], [row('ord_x', { captured: 0 })]],
    [
      'an authorization of a rejected order',
      'I8 ord_a',
      [order('ord_a', { status: 'rejected' })],
      [row('ord_a', { captured: 0 })],
    ],
    ['a charge in another currency', 'I20 ord_a', [order('ord_a')], [row('ord_a', { currency: 'USD' })]],
    [
      'an order in flight that was charged twice',
      'I5 ord_a',
      [order('ord_a', { status: 'pending', settled: false })],
      [row('ord_a', { authorized: 3998, captured: 3998 })],
    ],
  ])('finds %s', (_, expected, orders, rows) => {
    expect(violationsOf(orders, rows)).toContain(expected);
    expect(violationsOf(orders, rows).join()).not.toContain('ord_fine');
  });

  it('reports what the provider holds for an unknown order, and what to do', () => {
    const whatOf = (sums: Partial<LedgerRow>) => compareWithLedger([], [row('ord_x', sums)])[0]?.what;

    expect(whatOf({})).toBe(
      'this database has no such order, but the provider keeps 1999 EUR for it: refund or void it there',
    );
    expect(whatOf({ captured: 0 })).toMatch(/has 1999 EUR set aside/);
    expect(whatOf({ refunded: 1999 })).toBeUndefined();
    expect(whatOf({ captured: 0, voided: 1999 })).toBeUndefined();
  });
});
