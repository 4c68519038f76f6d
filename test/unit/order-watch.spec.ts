import type { Config } from '../../src/config/config';
import type { Database } from '../../src/database/database';
import { OrderWatch } from '../../src/orders/order-watch';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

/** A database with these orders, by id; counts statements and the orders that they ask for. */
function watching(orders: Map<string, { version: string; rests: boolean }>) {
  const asked: { at: number; ids: number }[] = [];
  const began = performance.now();
  let isAway = false;
  const rows = async (_: string, [ids]: [string[]]) => {
    asked.push({ at: performance.now() - began, ids: ids.length });
    if (isAway) throw new Error('away');
    return ids.flatMap((id) => (orders.has(id) ? [{ id, ...orders.get(id)! }] : []));
  };
  const watch = new OrderWatch({ waitsPerKeyMax: 10 } as Config, { rows } as unknown as Database);
  return { watch, asked, setAway: (away: boolean) => (isAway = away) };
}

const open = { version: '1.1', rests: false };
const quiet = { changed: () => undefined, stopped: () => undefined };
const times = (asked: { at: number }[]) => asked.map(({ at }) => Math.round(at));

describe('the watch of orders', () => {
  it('looks every 5 ms at an order that was just accepted, and less and less often while nothing changes', async () => {
    const { watch, asked } = watching(new Map([['a', open]]));
    watch.watch({ orderId: 'a', ...quiet });
    await pass(30);
    expect(times(asked)).toEqual([5, 10, 15, 20, 25, 30]);
    await pass(4_970);
    const last = times(asked).slice(-5);
    expect(last.slice(1).map((at, nth) => at - last[nth]!)).toEqual([100, 100, 100, 100]);
    // Fewer than 25 a second, on the whole.
    expect(asked.length).toBeLessThan(5 * 25);
  });

  it('looks often again after a change', async () => {
    const orders = new Map([['a', open]]);
    const { watch, asked } = watching(orders);
    const changes: string[] = [];
    watch.watch({ ...quiet, orderId: 'a', changed: (version) => changes.push(version) });
    await pass(3_000);
    orders.set('a', { version: '2.2', rests: false });
    await pass(100);
    expect(changes.at(-1)).toBe('2.2');
    const before = asked.length;
    await pass(20);
    expect(asked.length - before).toBeGreaterThanOrEqual(3);
  });

  it('asks for thousands of orders at most 25 times a second, and for no more of them than every 40 ms', async () => {
    const ids = Array.from({ length: 3_000 }, (_, nth) => `order-${nth}`);
    const { watch, asked } = watching(new Map(ids.map((id) => [id, open])));
    for (const [nth, id] of ids.entries()) {
      watch.watch({ orderId: id, ...quiet });
      if (nth % 10 === 9) await pass(1);
    }
    const before = asked.length;
    await pass(1_000);
    const second = asked.slice(before);
    expect(second.length).toBeLessThanOrEqual(25);
    expect(second.reduce((sum, { ids: some }) => sum + some, 0)).toBeLessThanOrEqual(25 * ids.length);
    // Those that joined meanwhile shared statements too.
    expect(before).toBeLessThan(40);
  });

  it('sends no statement without watchers', async () => {
    const { watch, asked } = watching(new Map([['a', open]]));
    const stop = watch.watch({ orderId: 'a', ...quiet });
    await pass(10);
    stop();
    const before = asked.length;
    await pass(1_000);
    expect(asked.length).toBe(before);
    watch.watch({ orderId: 'a', ...quiet });
    await pass(5);
    expect(asked.length).toBe(before + 1);
  });

  it('goes on after an error of the database, and reports nothing after its stop', async () => {
    const { watch, asked, setAway } = watching(new Map([['a', open]]));
    const seen: string[] = [];
    const watcher = { changed: () => seen.push('changed'), stopped: () => seen.push('stopped') };
    setAway(true);
    watch.watch({ orderId: 'a', ...watcher });
    await pass(10);
    expect([asked.length, seen]).toEqual([2, []]);
    setAway(false);
    await pass(5);
    expect(seen).toEqual(['changed']);
    watch.onModuleDestroy();
    watch.watch({ orderId: 'a', ...watcher });
    await pass(1_000);
    expect(seen).toEqual(['changed', 'stopped', 'stopped']);
  });

  it('ends a wait when the saga has ended', async () => {
    const orders = new Map([['a', open]]);
    const { watch } = watching(orders);
    let isOver = false;
    void watch.waitForEnd('a', 10_000, { name: 'shop', role: 'client' }).then(() => (isOver = true));
    await pass(20);
    expect(isOver).toBe(false);
    orders.set('a', { version: '3.9', rests: true });
    await pass(6);
    expect(isOver).toBe(true);
  });
});
