// Reports of drills: lines, a table, a JSON file, and the table of docs/drills.md.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SetupError } from './console.mjs';
import { root } from './processes.mjs';

export function factsOf(facts) {
  const counts = Object.entries(facts).map(([what, count]) => `${what} ${count}`);
  return counts.length > 0 ? `: ${counts.join(', ')}` : '';
}

export function list(drills) {
  const width = Math.max(...drills.map(({ name }) => name.length));
  return drills
    .map(({ name, promise, rows }) => `${name.padEnd(width)}  ${promise} [${rows.join(', ')}]`)
    .join('\n');
}

export const nameOf = ({ drill, mutant }) => (mutant ? `${drill.name} / ${mutant.name}` : drill.name);
const resultOf = ({ skipped, mutant, ok }) => {
  if (skipped) return 'skipped';
  if (mutant) return ok ? 'killed' : 'SURVIVED';
  return ok ? 'passed' : 'FAILED';
};

export function table(results) {
  const rows = results.map((result) => [
    nameOf(result),
    result.drill.rows.join(' '),
    resultOf(result),
    `${(result.ms / 1_000).toFixed(1)} s`,
    factsOf(result.facts).slice(2),
  ]);
  const all = [['drill', 'rows', 'result', 'took', 'facts'], ...rows];
  const widths = all[0].map((_, column) => Math.max(...all.map((row) => row[column].length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A line for each result that is not simply good, to stand at the end of the output. */
export const troubles = (results) =>
  results
    .filter(({ skipped, ok, flaky }) => !skipped && (!ok || flaky !== undefined))
    .map(
      (result) =>
        `${result.ok ? 'flaky' : 'failed'}: ${nameOf(result)}: ${gist(result.flaky ?? result.message ?? resultOf(result))}`,
    );

/** The start of a long message, on one line. */
export const gist = (message, length = 300) => message.replace(/\s+/g, ' ').slice(0, length);

export function totals(results) {
  const skipped = results.filter((result) => result.skipped).length;
  const failed = results.filter((result) => !result.skipped && !result.ok).length;
  return { passed: results.length - failed - skipped, failed, skipped };
}

export function writeJson(file, { seed, results }) {
  const entries = results.map(({ drill, mutant, outcome, ok, skipped, message, facts, ms }) => ({
    drill: drill.name,
    mutant: mutant?.name ?? null,
    promise: drill.promise,
    rows: drill.rows,
    outcome: skipped ? 'skipped' : outcome,
    ok,
    message: message ?? null,
    facts,
    seconds: ms / 1_000,
  }));
  writeFileSync(
    file,
    `${JSON.stringify({ at: new Date().toISOString(), seed, results: entries }, null, 2)}\n`,
  );
}

const page = path.join(root, 'docs', 'drills.md');
const markers = { begin: '<!-- drills: begin -->', end: '<!-- drills: end -->' };

/** Rewrites the table between the markers; a drill that did not run now keeps its last result. */
export function writeDocs(drills, results) {
  const text = existsSync(page) ? readFileSync(page, 'utf8') : '';
  const [begin, end] = [text.indexOf(markers.begin), text.indexOf(markers.end)];
  if (begin < 0 || end < begin)
    throw new SetupError(`docs/drills.md has no lines ${markers.begin} and ${markers.end} to write between.`);
  const before = text.slice(begin, end);
  const lines = drills.map((drill) => docsLine(drill, results, before));
  const head = ['| drill | promise | rows | mutants | last result |', '|---|---|---|---|---|'];
  const written = [markers.begin, '', ...head, ...lines, '', ''].join('\n');
  writeFileSync(page, text.slice(0, begin) + written + text.slice(end));
}

function docsLine(drill, results, before) {
  const own = results.filter((result) => result.drill.name === drill.name);
  const run = own.find(({ mutant, skipped }) => !mutant && !skipped);
  const last = before.split('\n').find((line) => line.startsWith(`| \`${drill.name}\` |`));
  const lastResult = run ? docsResult(run) : (last?.split(' | ').at(-1).replace(/ \|$/, '') ?? 'not run yet');
  const mutants = drill.mutants.map(({ name, why }) => `\`${name}\`: ${why}`).join('<br>');
  const cells = [
    `\`${drill.name}\``,
    drill.promise,
    drill.rows.join(', '),
    mutants || `none: ${drill.noMutant}`,
    lastResult,
  ];
  return `| ${cells.join(' | ')} |`;
}

const docsResult = ({ ok, ms, facts }) =>
  `${new Date().toISOString().slice(0, 10)} ${ok ? 'passed' : '**failed**'} in ${Math.round(ms / 1_000)} s${factsOf(facts)}`;
