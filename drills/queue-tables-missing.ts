import assert from 'node:assert/strict';
import { until } from '../test/support/until';
import { businessAsUsual, expires } from './kit/business-as-usual';
import { type Drill, removed } from './kit/drill';
import { reach } from './kit/reach';

export const drill: Drill = {
  name: 'queue-tables-missing',
  promise:
    'A worker that starts without its queue tables reports it, sweeps, can be stopped, and takes jobs once the tables exist.',
  rows: [39],
  sometimes: ['jobs'],
  mutants: [
    {
      name: 'consumer-started-unchecked',
      why: 'a BullMQ worker starts before its connection and tables are checked, and polls without a pause',
      guard: 'queue-tables-proved',
      change: removed,
      also: [
        { guard: 'consumer-runs-later', change: (line) => line.replace('autorun: false', 'autorun: true') },
        { guard: 'consumer-is-awaited', change: removed },
        { guard: 'consumer-is-run', change: removed },
        { guard: 'failed-fetch-pauses', change: removed },
      ],
    },
    {
      name: 'ready-before-its-consumers',
      why: 'a worker reports ready while it takes no jobs',
      guard: 'ready-with-consumers',
      change: (line) => line.replace('await', 'void'),
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres', workers: 0 });
    await shop.tamper('ALTER SCHEMA bullmq RENAME TO bullmq_away');
    // Not awaited: it is not ready before the tables exist.
    const launched = [shop.service.launch('worker'), shop.service.launch('worker')];
    for (const one of launched) one.catch(() => undefined);
    const says = (name: string, what: RegExp) => what.test(shop.service.outputOf(name));
    await reach('both run', async () => shop.service.pidOf('worker-1') && shop.service.pidOf('worker-2'));

    await until('both say what to do', async () =>
      ['worker-1', 'worker-2'].every((name) => says(name, /npm run db:migrate/)),
    );
    await expires(shop);
    assert.ok(!says('worker-1', /worker ready/), 'it says that it is ready, and takes no jobs');
    await shop.terminate('worker-2');
    assert.ok(says('worker-2', /ended: exit 0/), 'it did not end by itself');

    await shop.tamper('ALTER SCHEMA bullmq_away RENAME TO bullmq');
    await until('it is ready', async () => says('worker-1', /worker ready/));
    await businessAsUsual(shop);
    await shop.audit();
    environment.count('jobs', await shop.metric('holdfast_jobs_done_total'));
  },
};
