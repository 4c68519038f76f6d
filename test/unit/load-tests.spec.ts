import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  type LoadTest,
  LoadTestFiles,
  type SaleReport,
  laneOf,
  waitingLane,
} from '../../src/admin/load-test-files';

const sale = (more: Partial<SaleReport> = {}): SaleReport => ({
  strategy: 'row-lock',
  counts: { accepted: 9, reserved: 3, refused: 20, gaveUp: 1 },
  answerMs: { p99: 12.5 },
  measured: { conflicts: 6 },
  verdict: { placed: 8, oversold: 0, doubleCharges: 0, failures: [] },
  course: [{ accepted: 4 }, { accepted: 3, reserved: 3 }, {}, { accepted: 2 }],
  ...more,
});

describe('a lane of a rehearsal', () => {
  it('is sold out when every unit was promised once, and a unit that came back is no further one', () => {
    expect(laneOf(sale(), 10)).toMatchObject({
      unitsTaken: 10,
      soldOutSeconds: 0.5,
      takenPerSecond: 20,
      conflictRate: 0.5,
      served: 33,
      course: [
        [0, 0],
        [0.25, 4],
        [0.5, 10],
        [0.75, 10],
        [1, 10],
      ],
    });
  });

  it('is not sold out while there are units', () => {
    expect(laneOf(sale(), 13)).toMatchObject({ unitsTaken: 12, soldOutSeconds: null, takenPerSecond: 12 });
    expect(laneOf(sale({ course: [] }), 13)).toMatchObject({ unitsTaken: 0, takenPerSecond: 0 });
  });
});

describe('the reports of rehearsals', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-load-tests-'));
  const files = new LoadTestFiles(path.join(folder, 'load-tests'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const run = (id: string, startedAt: string): LoadTest => ({
    object: 'load_test',
    id,
    status: 'running',
    startedAt,
    endedAt: null,
    startedBy: 'somebody',
    ...{ buyers: 5, units: 1, rate: 10, declineRate: 0, abandonRate: 0, seed: 1 },
    lanes: [waitingLane('row-lock')],
    trouble: null,
  });

  it('are none before the first', () => {
    expect(files.list()).toEqual([]);
    expect(files.read('run_1')).toBeUndefined();
  });

  it('tell of one that nobody holds any more that it is broken', () => {
    files.begin(run('run_1', '2026-11-20T10:00:00.000Z'));
    expect(files.read('run_1')).toMatchObject({ status: 'running' });

    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(path.join(files.folderOf('run_1'), 'run.json'), longAgo, longAgo);

    expect(files.read('run_1')).toMatchObject({ status: 'broken', trouble: expect.stringContaining('gone') });
  });

  it('are read from the file of the command line too, the newest first', () => {
    const args = { buyers: 33, stock: 13, rate: 10, declineRate: 0, abandonRate: 0, seed: 7 };
    const failed = sale({
      verdict: { placed: 8, oversold: 1, doubleCharges: 0, failures: ['one too many'] },
    });
    for (const [id, at, sales] of [
      ['early', '2026-11-19T10:00:00.000Z', [sale()]],
      ['late', '2026-11-21T10:00:00.000Z', [sale(), failed]],
    ] as const) {
      mkdirSync(files.folderOf(id));
      writeFileSync(
        path.join(files.folderOf(id), 'result.json'),
        JSON.stringify({ machine: { at }, args, sales }),
      );
    }
    writeFileSync(path.join(folder, 'load-tests', 'no-folder'), '');

    expect(files.list().map(({ id, status }) => [id, status])).toEqual([
      ['late', 'failed'],
      ['run_1', 'broken'],
      ['early', 'passed'],
    ]);
    expect(files.read('early')).toMatchObject({ units: 13, startedBy: null, lanes: [{ placed: 8 }] });
  });

  it('carry a wish to stop to whoever holds it', () => {
    expect(files.isAskedToStop('run_1')).toBe(false);
    files.askToStop('run_1');
    expect(files.isAskedToStop('run_1')).toBe(true);
  });
});
