import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../test/support/child';
import { type Machine, inOneLine } from './machine';
import { pictureOf } from './plot';

/** Writes the measurements and the machine between the two marks of a page in docs/. */
export function writeDocs(page: string, mark: string, machine: Machine, rows: string[][]): void {
  const file = path.join(root, 'docs', page);
  writeFileSync(file, withMeasured(readFileSync(file, 'utf8'), mark, machine, rows));
}

/** Writes a plot as a picture for a page in docs/. */
export function writePicture(name: string, svg: string): void {
  const file = path.join(root, 'docs', name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, pictureOf(svg));
}

export function withMeasured(text: string, mark: string, machine: Machine, rows: string[][]): string {
  const [begin, end] = [`<!-- ${mark}: begin -->`, `<!-- ${mark}: end -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`The page has no lines ${begin} and ${end}.`);
  const measured = `Measured ${machine.at.slice(0, 10)} on ${inOneLine(machine)}.`;
  const written = [begin, '', measured, '', markdown(rows), '', ''].join('\n');
  return text.slice(0, from) + written + text.slice(to);
}

function markdown([head, ...rows]: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    line(head!),
    line(head!.map((_, column) => (column === 0 ? '---' : '---:'))),
    ...rows.map(line),
  ].join('\n');
}
