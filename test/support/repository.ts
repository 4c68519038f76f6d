import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './child';

/** A file of this repository, for tests that compare files. */
export const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

export function filesIn(folder: string, extension: RegExp): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => extension.test(name))
    .map((name) => path.join(folder, name));
}

/** The names that only one side has, each with its side. */
export function differences(inCode: Iterable<string>, inDocs: Iterable<string>): string[] {
  const [code, docs] = [new Set(inCode), new Set(inDocs)];
  return [
    ...[...code].filter((name) => !docs.has(name)).map((name) => `${name}: only in the code`),
    ...[...docs].filter((name) => !code.has(name)).map((name) => `${name}: only in the docs`),
  ].sort();
}
