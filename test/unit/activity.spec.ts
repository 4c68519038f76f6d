import { InsufficientStock } from '../../src/inventory/inventory.errors';
import { countedNow, factsBetween, nothingCounted } from '../../src/reporting/activity/activity';
import { addedUp, quantileOf } from '../../src/reporting/activity/activity-log';
import { Contention } from '../../src/inventory/allocation/contention';
import { DemandMetrics } from '../../src/inventory/allocation/demand-metrics';
import { stepSeconds } from '../../src/orders/checkout-saga/saga-metrics';
import { jobsDone } from '../../src/queue/queues';

const [contention, demand] = [new Contention(), new DemandMetrics()];
const counted = () => countedNow(contention, demand);
const taken = (replayed = false) => Promise.resolve({ replayed });

describe('what a process reports for a second', () => {
  it('is nothing if it was idle', async () => {
    const facts = await counted();

    expect(factsBetween(facts, facts)).toEqual({});
  });

  it('contains only what was counted in that second', async () => {
    contention.noteTake('A', 'grouped', 3, 5);
    await demand.watch(['A'], taken());
    const before = await counted();

    contention.noteTake('A', 'grouped', 40, 2);
    contention.noteConflict('A', 'version-check');
    await demand.watch(['A', 'A', 'B'], taken());
    await demand.watch(['A'], taken(true));
    const short = new InsufficientStock([{ sku: 'B', requested: 2, available: 1 }]);
    await demand.watch(['B'], Promise.reject<{ replayed: boolean }>(short)).catch(() => undefined);
    stepSeconds.observe({ step: 'capture-payment' }, 0.04);
    jobsDone.inc({ queue: 'events' });
    const facts = factsBetween(before, await counted());

    expect(facts).toMatchObject({
      soldOut: 1,
      demand: { A: { taken: 1, refused: 0 }, B: { taken: 1, refused: 1 } },
      takes: {
        A: { grouped: { taken: 2, takes: 1, conflicts: 0 }, 'version-check': { taken: 0, conflicts: 1 } },
      },
      done: { events: 1 },
    });
    expect(addedUp([facts.intake])).toHaveLength(16);
    expect(facts.intake!.reduce((sum, count) => sum + count)).toBe(3);
    expect(facts.steps!['capture-payment']!.reduce((sum, count) => sum + count)).toBe(1);
  });

  it('names the busiest SKUs only', async () => {
    for (let sku = 1; sku <= 30; sku++)
      for (let buyer = 0; buyer < sku; buyer++) await demand.watch([`BUSY-${sku}`], taken());
    const facts = factsBetween(nothingCounted, await counted());

    expect(Object.keys(facts.demand!)).toHaveLength(20);
    expect(Object.keys(facts.demand!)[0]).toBe('BUSY-30');
    expect(facts.demand).not.toHaveProperty('BUSY-5');
  });
});

describe('a quantile of counted times', () => {
  const bounds = [10, 20, 50];

  it.each([
    [[4, 0, 0, 0], 0.5, 5],
    [[0, 2, 0, 0], 1, 20],
    [[1, 1, 2, 0], 0.75, 35],
    [[0, 0, 0, 7], 0.99, 50],
    [[0, 0, 0, 0], 0.5, null],
    [[], 0.5, null],
  ])('of %j at %d is %d', (counts, share, value) => {
    expect(quantileOf(counts, bounds, share)).toBe(value);
  });
});
