// One drill in a process of its own, so that a drill that breaks, hangs or crashes takes nothing with it: when this
// process ends, however it ends, everything that it has started ends too (test/support/guardian.ts).
import path from 'node:path';
import { loadDrill } from './drill-list.mjs';
import { requireTypeScript } from './drill-typescript.mjs';
import { root } from './processes.mjs';

const require = requireTypeScript();
const { play } = require(path.join(root, 'drills', 'kit', 'play.ts'));

const report = (result) => process.send(result, () => process.exit(0));
process.on('disconnect', () => process.exit(1));
process.on('uncaughtException', (error) =>
  report({ outcome: 'error', message: `nobody caught: ${error.stack}`, facts: {} }),
);
process.once('message', ({ name, ...part }) => {
  play({ ...part, drill: loadDrill(require, name) }).then(report, (error) => {
    throw error;
  });
});
