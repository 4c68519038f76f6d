// One drill in its own process, so that a drill that breaks, hangs or crashes affects nothing else: when this process
// ends for any reason, everything it started ends too (test/support/guardian.ts).
import path from 'node:path';
import { loadDrill } from './drill-list.mjs';
import { requireTypeScript } from './drill-typescript.mjs';
import { root } from './processes.mjs';

const require = requireTypeScript();
const { play } = require(path.join(root, 'drills', 'kit', 'play.ts'));

const report = (result) => process.send(result, () => process.exit(0));
process.on('disconnect', () => process.exit(1));
process.on('uncaughtException', (error) =>
  report({ outcome: 'error', message: `uncaught: ${error.stack}`, facts: {} }),
);
process.once('message', ({ name, ...part }) => {
  play({ ...part, drill: loadDrill(require, name) }).then(report, (error) => {
    throw error;
  });
});
