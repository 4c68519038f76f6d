// A part of a load test in a process of its own: node loadtest/process.mjs <module of this folder>, talked to by messages.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { requireTypeScript } from '../scripts/drill-typescript.mjs';

const folder = path.dirname(fileURLToPath(import.meta.url));

// Ctrl-C reaches every process of the terminal; whoever started this one ends it, by hanging up.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));
requireTypeScript()(path.join(folder, `${process.argv[2]}.ts`)).serve();
