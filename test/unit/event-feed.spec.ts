import type { Database } from '../../src/database/database';
import { EventFeed } from '../../src/outbox/event-feed';

interface Look {
  micros: number;
  xid: number;
  xmin: number;
}

const second = 1_000_000;

/** A feed that is read at these moments, and up to when it then asks for events. */
function feedOf(looks: Look[]) {
  const asked: number[] = [];
  const rows = async (sql: string, parameters: unknown[] = []) => {
    if (sql.includes('pg_snapshot_xmin')) return [looks.length > 1 ? looks.shift() : looks[0]];
    if (sql.includes('AS oldest')) return [{ oldest: 1 }];
    asked.push(parameters[1] as number);
    return [];
  };
  const feed = new EventFeed({ rows } as unknown as Database);
  return { feed, asked, read: () => feed.read(null, { limit: 10, after: null }) };
}

describe('the event feed', () => {
  it('shows what is older than the last moment whose writers have ended', async () => {
    const open = { micros: 5, xid: 101, xmin: 100 };
    const { asked, read } = feedOf([open, { micros: 9, xid: 103, xmin: 101 }]);
    await read();
    expect(asked).toEqual([5]);
  });

  it('starts again when transaction ids are lower than before, after a failover or a restore', async () => {
    const { asked, read } = feedOf([
      { micros: 5, xid: 100, xmin: 100 },
      { micros: 8, xid: 90, xmin: 80 },
    ]);
    await read();
    expect(asked).toEqual([5]);
    await read();
    expect(asked).toEqual([5]);
  });

  it('remembers no more moments than it needs while a transaction stays open for days', async () => {
    const looks = Array.from({ length: 5_000 }, (_, nth) => ({ micros: nth, xid: 100 + nth, xmin: 50 }));
    const { feed, asked, read } = feedOf([...looks, { micros: 6_000, xid: 9_000, xmin: 3_000 }]);
    for (let nth = 0; nth < looks.length; nth++) await feed.watch();
    await read();
    // The last remembered moment before id 3000, of those that were thinned out.
    expect(asked[0]).toBeGreaterThan(2_000);
    expect(asked[0]).toBeLessThanOrEqual(2_900);
  });

  it('fails its periodic task once events have been held back for more than a minute', async () => {
    const { feed } = feedOf([
      { micros: 1 * second, xid: 11, xmin: 10 },
      { micros: 61 * second, xid: 12, xmin: 10 },
      { micros: 62 * second, xid: 13, xmin: 10 },
      { micros: 63 * second, xid: 14, xmin: 14 },
    ]);
    await feed.watch();
    await feed.watch();
    await expect(feed.watch()).rejects.toThrow(/held back for 61 s .* pg_stat_activity .* pg_prepared_xacts/);
    await feed.watch();
  });
});
