import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  type LoadTest,
  LoadTestFiles,
  type SaleReport,
  laneOf,
  waitingLane,
} from '../../src/load-tests/load-test-files';
import { measuredFiles } from '../../loadtest/bench/in-process';
import { noOpFiles } from '../../loadtest/bench/no-op';
import { NewLoadTestDto } from '../../src/load-tests/load-tests.dto';
import { ValidationFailed } from '../../src/errors';
import { BodyValidationPipe } from '../../src/http/validation';
import { strategyNames } from '../../src/inventory/allocation/strategies/strategies';

const sale = (more: Partial<SaleReport> = {}): SaleReport => ({
  strategy: 'row-lock',
  counts: { accepted: 9, reserved: 3, refused: 20, gaveUp: 1 },
  answerMs: { p99: 12.5 },
  measured: { conflicts: 6 },
  verdict: { placed: 8, oversold: 0, doubleCharges: 0, failures: [] },
  course: [{ accepted: 4 }, { accepted: 3, reserved: 3 }, {}, { accepted: 2 }],
  ...more,
});

describe('laneOf', () => {
  it('is sold out when every unit was taken once, and counts a unit that was sold again once', () => {
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

  it('is not sold out while units are left', () => {
    expect(laneOf(sale(), 13)).toMatchObject({ unitsTaken: 12, soldOutSeconds: null, takenPerSecond: 12 });
    expect(laneOf(sale({ course: [] }), 13)).toMatchObject({ unitsTaken: 0, takenPerSecond: 0 });
  });
});

describe('LoadTestFiles', () => {
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

  it('lists no load test before the first', () => {
    expect(files.list()).toEqual([]);
    expect(files.read('run_1')).toBeUndefined();
  });

  it('reports a load test as broken when its process is gone', () => {
    files.begin(run('run_1', '2026-11-20T10:00:00.000Z'));
    expect(files.read('run_1')).toMatchObject({ status: 'running' });

    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(path.join(files.folderOf('run_1'), 'run.json'), longAgo, longAgo);

    expect(files.read('run_1')).toMatchObject({ status: 'broken', trouble: expect.stringContaining('gone') });
  });

  it('fails to begin where no folder can be made', () => {
    const unwritable = new LoadTestFiles('/proc/holdfast/load-tests');
    expect(() => unwritable.begin(run('run_2', '2026-11-20T10:00:00.000Z'))).toThrow(/mkdir/);
  });

  it('lists newest first, with reports that npm run flash-sale wrote', () => {
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

  it('passes a stop request to the process that runs the load test', () => {
    expect(files.isStopRequested('run_1')).toBe(false);
    files.requestStop('run_1');
    expect(files.isStopRequested('run_1')).toBe(true);
  });
});

describe('NewLoadTestDto', () => {
  const request = {
    buyers: 30,
    units: 10,
    strategies: ['row-lock', 'grouped'],
    declineRate: 0.1,
    abandonRate: 0,
    reason: 'before the sale',
  };
  const ruleOf = {
    buyers: 'a whole number from 1 to 100000',
    units: 'a whole number from 1 to 100000',
    strategies: `a list of at least one of ${strategyNames.join(', ')}, none of them twice`,
    declineRate: 'a number from 0 to 1',
    abandonRate: 'a number from 0 to 1',
    rate: 'a number from 1 to 20000',
    seed: 'a whole number from 0 to 2147483648',
  };

  const checked = (body: object) =>
    new BodyValidationPipe().transform(body, { type: 'body', metatype: NewLoadTestDto });
  /** Each problem as pointer and detail. */
  async function problemsOf(body: object): Promise<[string, string][]> {
    const refused = await checked(body).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refused).toBeInstanceOf(ValidationFailed);
    return (refused as ValidationFailed).errors.map(({ pointer, detail }) => [pointer, detail]);
  }
  const problemWith = (field: keyof typeof ruleOf): [string, string] => [
    `/${field}`,
    `${field} must be ${ruleOf[field]}.`,
  ];

  it.each([
    ['without optional fields', {}],
    ['at its lower bounds', { buyers: 1, units: 1, declineRate: 0, abandonRate: 0, rate: 1, seed: 0 }],
    [
      'at its upper bounds',
      {
        buyers: 100_000,
        units: 100_000,
        strategies: strategyNames,
        declineRate: 1,
        abandonRate: 1,
        rate: 20_000,
        seed: 2 ** 31,
      },
    ],
  ])('accepts a request %s', async (_, more) => {
    expect(await checked({ ...request, ...more })).toMatchObject({ ...request, ...more });
  });

  it('reports each missing field once, with its rule', async () => {
    const problems = await problemsOf({});

    expect(problems).toHaveLength(6);
    expect(problems).toEqual(
      expect.arrayContaining([
        ...(['buyers', 'units', 'strategies', 'declineRate', 'abandonRate'] as const).map((field) => {
          const [pointer, detail] = problemWith(field);
          return [pointer, `${field} is missing; ${detail}`];
        }),
        ['/reason', expect.stringContaining('reason must say in a few words why')],
      ]),
    );
  });

  it.each<[keyof typeof ruleOf, unknown[]]>([
    ['buyers', [null, '30', 1.5, 0, 100_001]],
    ['units', [null, '10', 1.5, 0, 100_001]],
    [
      'strategies',
      [null, 'row-lock', [], ['by-magic'], ['row-lock', 'row-lock'], [...strategyNames, 'more']],
    ],
    ['declineRate', [null, '0.1', -0.01, 1.01]],
    ['abandonRate', [null, '0.1', -0.01, 1.01]],
    ['rate', [null, '200', 0.5, 20_001]],
    ['seed', [null, '7', 0.5, -1, 2 ** 31 + 1]],
  ])('refuses every wrong value of %s with the same message', async (field, values) => {
    for (const value of values)
      expect(await problemsOf({ ...request, [field]: value })).toEqual([problemWith(field)]);
  });
});

describe('npm run bench', () => {
  it('measures only files of the build', () => {
    const root = path.resolve(__dirname, '../..');
    const used = [...measuredFiles, ...noOpFiles];
    expect(used.filter((file) => !existsSync(path.join(root, 'dist', `${file}.js`)))).toEqual([]);
  });
});
