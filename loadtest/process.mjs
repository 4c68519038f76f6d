// Runs a module of this folder as a child process that exchanges messages: node loadtest/process.mjs <module>
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { requireTypeScript } from '../scripts/drill-typescript.mjs';

const folder = path.dirname(fileURLToPath(import.meta.url));

// Ctrl-C reaches every process of the terminal; this one ends when its parent disconnects.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));
requireTypeScript()(path.join(folder, `${process.argv[2]}.ts`)).serve();
