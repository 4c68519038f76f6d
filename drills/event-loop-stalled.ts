import { businessAsUsual } from './kit/business-as-usual';
import type { Drill } from './kit/drill';
import { patienceMs, until } from '../test/support/until';

export const drill: Drill = {
  name: 'event-loop-stalled',
  promise:
    'A process with a blocked event loop is killed by its watchdog thread, and the next process continues its work.',
  rows: [34],
  sometimes: ['deaths'],
  mutants: [
    {
      name: 'no-watchdog',
      why: 'a process with a blocked event loop is not killed',
      guard: 'watchdog',
      change: (line) => line.replace('===', '>='),
    },
  ],

  run: async (environment) => {
    const hangs = { FAILPOINT: 'consumer.started:hang@2', EVENT_LOOP_STALL_MS: '1000' };
    const shop = await environment.open({ queue: 'postgres', envOf: { 'worker-1': hangs } });
    // The next process has the default limit: on a busy machine its start alone may block for a second.
    const stopWatching = shop.keepAlive('worker-1', { FAILPOINT: undefined, EVENT_LOOP_STALL_MS: undefined });
    const first = shop.service.pidOf('worker-1');

    const sku = await shop.product(100);
    await shop.buy(10, { sku });
    await until(
      'another worker runs',
      async () => {
        const pid = shop.service.pidOf('worker-1');
        return pid !== undefined && pid !== first;
      },
      patienceMs / 3, // Without the watchdog, the blocked loop keeps a core busy for as long.
    );
    await until('it is ready', async () => {
      const starts = shop.service.outputOf('worker-1').match(/worker ready/g) ?? [];
      return starts.length >= 2;
    });
    await businessAsUsual(shop);
    await stopWatching();
    await shop.audit();
  },
};
