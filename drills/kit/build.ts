import { cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Patch } from './drill';

/**
 * A guard is marked in the sources by a comment on its own line, `// guard: <name>` (in SQL a block comment), above
 * the line that a drill's mutant changes. Comments survive compilation, so a rename elsewhere breaks no mutant.
 */
const marker = /^\s*(?:\/\/|\/\*) guard: ([a-z0-9-]+)(?: \*\/)?$/;

/** Where each marker stands in a build: guard → files, one entry per occurrence. */
export function guardsOf(dist: string): Map<string, string[]> {
  const guards = new Map<string, string[]>();
  for (const file of compiledFiles(dist)) {
    for (const line of readFileSync(path.join(dist, file), 'utf8').split('\n')) {
      const guard = marker.exec(line)?.[1];
      if (guard) guards.set(guard, [...(guards.get(guard) ?? []), file]);
    }
  }
  return guards;
}

const compiledFiles = (dist: string) =>
  readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'));

/** All the code of a build. */
export const textOf = (dist: string): string =>
  compiledFiles(dist)
    .map((file) => readFileSync(path.join(dist, file), 'utf8'))
    .join('\n');

/** The text with the line below the guard's marker changed. `build`: all its code. Throws when the patch no longer applies. */
export function patched(text: string, { guard, change }: Patch, build: string): string {
  const lines = text.split('\n');
  const at = lines.findIndex((line) => marker.exec(line)?.[1] === guard);
  const line = lines[at + 1];
  if (at === -1 || line === undefined) throw new Error(`There is no marker "guard: ${guard}".`);
  const changed = change(line);
  if (changed === line) throw new Error(`The patch of guard "${guard}" changes nothing: ${line.trim()}`);
  if (lines[at]!.includes('//')) refuseForeignNames(changed, { text, build, guard });
  return lines.with(at + 1, changed).join('\n');
}

/** An unknown name would crash the mutant, and the crash would look like a caught mutant. */
function refuseForeignNames(
  code: string,
  { text, build, guard }: { text: string; build: string; guard: string },
): void {
  const bare = code.replace(/'[^']*'|"[^"]*"|`[^`]*`/g, "''").replaceAll('...', ' ');
  const isKnown = (name: string, dot: string) =>
    dot === ''
      ? keywords.has(name) || name in globalThis || new RegExp(`\\b${name}\\b`).test(text)
      : new RegExp(`\\b${name}\\b`).test(build);
  const foreign = [...bare.matchAll(/(\.?)(?<![\w$])([a-zA-Z_$][\w$]*)(?!\w*:)/g)]
    .filter(([, dot, name]) => !isKnown(name!, dot!))
    .map(([, , name]) => name);
  if (foreign.length > 0)
    throw new Error(
      `The patch of guard "${guard}" uses names that its file does not have, or members that its build does not have: ${foreign.join(', ')}`,
    );
}

const keywords = new Set(
  'await async const let new return throw if else true false null undefined typeof void in of this function'.split(
    ' ',
  ),
);

/** A copy of a build with some of its guards changed. */
export function patchedBuild(dist: string, copy: string, patches: Patch[]): string {
  // Source maps are half of the files, and nothing reads them here.
  cpSync(dist, copy, { recursive: true, filter: (file) => !file.endsWith('.map') });
  const guards = guardsOf(dist);
  const build = textOf(dist);
  for (const patch of patches) {
    const [name, another] = guards.get(patch.guard) ?? [];
    if (name === undefined || another !== undefined)
      throw new Error(`The marker "guard: ${patch.guard}" must be in the build exactly once.`);
    const file = path.join(copy, name);
    writeFileSync(file, patched(readFileSync(file, 'utf8'), patch, build));
  }
  return copy;
}
