import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { differences, filesIn, read } from '../support/repository';

const folder = 'deploy/prometheus';
const rulesText = read(`${folder}/alerts.yml`);
const casesText = read(`${folder}/alerts.test.yml`);

interface Alert {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: Record<string, string>;
}

const alertsIn = (text: string): Alert[] =>
  (parse(text) as { groups: { rules: Alert[] }[] }).groups.flatMap(({ rules }) => rules);
const alerts = alertsIn(rulesText);
const names = alerts.map(({ alert }) => alert);
const cases = (parse(casesText) as { tests: { name: string }[] }).tests.map(({ name }) => name);

/** In the code, with what Prometheus adds to the name of a histogram. */
const metrics = filesIn('src', /\.ts$/)
  .flatMap((file) => [...read(file).matchAll(/\bname: '(holdfast_\w+)'/g)])
  .flatMap(([, name]) => ['', '_bucket', '_sum', '_count'].map((suffix) => `${name}${suffix}`));
const strange = (text: string) =>
  [...new Set(text.match(/\bholdfast_\w+/g))].filter((name) => !metrics.includes(name));

/** Debian's package `prometheus` has it. */
const hasPromtool = spawnSync('promtool', ['--version'], { stdio: 'ignore' }).status === 0;

describe('the alert rules', () => {
  it('name only metrics that the code has', () => {
    expect(metrics.length).toBeGreaterThan(80);
    expect(strange(rulesText + casesText)).toEqual([]);
    expect(strange('rate(holdfast_nothing_total[5m])')).toEqual(['holdfast_nothing_total']);
  });

  it('say who must act when, and what happened', () => {
    for (const { alert, labels, annotations } of alerts) {
      expect([alert, labels.severity]).toEqual([alert, expect.stringMatching(/^(page|ticket)$/)]);
      expect([alert, Object.keys(annotations)]).toEqual([alert, ['summary', 'description']]);
    }
  });

  it('keep cells apart, but for the one that says that nothing is there', () => {
    const mixed = alerts.filter(({ expr }) => !/\bby \(cell\b/.test(expr)).map(({ alert }) => alert);
    expect(mixed).toEqual(['HoldfastUnseen']);
  });

  it('have a firing and a silent case each', () => {
    expect(cases).toEqual(names.flatMap((name) => [`${name} fires`, `${name} is silent`]));
  });

  it('have a row each in docs/operations.md', () => {
    const rows = [...read('docs/operations.md').matchAll(/^\| `(Holdfast\w+)` \|/gm)].map(
      ([, name]) => name!,
    );
    expect(differences(names, rows)).toEqual([]);
  });
});

(hasPromtool ? describe : describe.skip)('promtool (Debian’s package prometheus)', () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'holdfast-alerts-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const test = (rules: string) => {
    writeFileSync(path.join(dir, 'alerts.yml'), rules);
    writeFileSync(path.join(dir, 'alerts.test.yml'), casesText);
    const run = spawnSync('promtool', ['test', 'rules', 'alerts.test.yml'], { cwd: dir, encoding: 'utf8' });
    return { ok: run.status === 0, said: run.stdout + run.stderr };
  };

  it('finds that each alert fires and stays silent as its cases say', () => {
    expect(test(rulesText)).toEqual({ ok: true, said: expect.stringContaining('SUCCESS') });
  });

  it('finds a rule whose limit is wrong, in either direction', () => {
    const [tooHigh, tooLow] = ['> 1e9', '>= 0'].map((limit) => rulesText.replace('> 120', limit));
    expect(test(tooHigh!)).toEqual({ ok: false, said: expect.stringContaining('got: nil') });
    expect(test(tooLow!)).toEqual({ ok: false, said: expect.stringContaining('exp: nil') });
  });
});
