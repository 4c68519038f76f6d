// The list of drills: every file of drills/ is one.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { root } from './processes.mjs';

const folder = path.join(root, 'drills');

export const drillNames = () =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => path.basename(file, '.ts'))
    .sort();

export const loadDrill = (require, name) => require(path.join(folder, `${name}.ts`)).drill;
