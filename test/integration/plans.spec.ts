import { planForAllRows } from '../../src/audit/audit';
import { invariants } from '../../src/audit/invariants';
import { CountedReads } from '../support/counted-reads';
import { type World, createWorld, inParallel } from '../support/fixtures';
import { line } from '../support/intakes';

/**
 * A prepared statement keeps the plan that was made when its tables were small, until autovacuum has analysed them. A new
 * shop that sells thousands in its first minute must not read whole tables for each group of orders.
 */
const crowd = 3_000;
const groupSize = 30;
/** PostgreSQL keeps a plan after five executions. */
const groupsBefore = 8;
const fewForAnOrder = 150;

let world: World;
beforeAll(async () => (world = await createWorld({}, CountedReads)));
afterAll(() => world.close());

async function ordersOf(count: number, sku: string): Promise<string[]> {
  const ids: string[] = [];
  const order = async () => void ids.push(await world.order([line(sku)]));
  await inParallel(
    64,
    Array.from({ length: count }, () => order),
  );
  return ids;
}

async function place(orderIds: string[]): Promise<void> {
  for (let nth = 0; nth < orderIds.length; nth++) world.gateway.expect('authorize');
  for (let nth = 0; nth < orderIds.length; nth++) world.gateway.expect('capture');
  const runner = world.runner();
  await Promise.all(orderIds.map((id) => runner.drive(id)));
  world.gateway.expectSpoken();
}

it('placing a group of orders reads few rows with plans that were made when the tables were small', async () => {
  const sku = await world.product({ onHand: 2 * crowd, strategy: 'grouped' });
  for (let nth = 0; nth < groupsBefore; nth++) await place(await ordersOf(groupSize, sku));
  const ids = await ordersOf(crowd, sku);
  const read = await (world.db as CountedReads).by(() => place(ids.slice(0, groupSize)));
  expect(read / groupSize).toBeLessThan(fewForAnOrder);
});

interface Plan {
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Join Filter'?: number;
  'Rows Removed by Filter'?: number;
  Plans?: Plan[];
}

/** Rows that the nodes of a plan returned or discarded. */
const rowsOf = (plan: Plan): number =>
  plan['Actual Loops'] *
    (plan['Actual Rows'] +
      (plan['Rows Removed by Join Filter'] ?? 0) +
      (plan['Rows Removed by Filter'] ?? 0)) +
  (plan.Plans ?? []).reduce((sum, one) => sum + rowsOf(one), 0);

it('an audit goes through each row a few times with statistics of nearly empty tables', async () => {
  await world.close();
  world = await createWorld({}, CountedReads);
  const sku = await world.product({ onHand: crowd, strategy: 'grouped' });
  await place(await ordersOf(1, sku));
  await world.rows('ANALYZE');
  for (let nth = 0; nth < groupsBefore; nth++) await place(await ordersOf(groupSize, sku));
  const placed = groupsBefore * groupSize + 1;
  const worst = await world.db.transaction('command', async (tx) => {
    await planForAllRows(tx);
    const found: { id: string; rows: number }[] = [];
    for (const { id, sql } of invariants) {
      const [row] = await tx.rows<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
        `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${sql}`,
      );
      found.push({ id, rows: rowsOf(row!['QUERY PLAN'][0].Plan) / placed });
    }
    return found.sort((one, other) => other.rows - one.rows)[0]!;
  });
  expect(worst.rows).toBeLessThan(fewForAnOrder);
});
