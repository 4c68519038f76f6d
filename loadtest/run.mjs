// The common start and end of load tests: a current build, TypeScript without a compile step, and Ctrl-C.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bootstrap } from '../scripts/bootstrap.mjs';
import { complain, failWith } from '../scripts/console.mjs';

const folder = path.dirname(fileURLToPath(import.meta.url));
const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * `main(argv, onStart)` of a module of this folder resolves with the exit code; it passes to `onStart` how to stop what it
 * started. `build: false`: started by a running service, whose build must not change.
 */
export async function runLoadTest({ module, main, usage, build = true }) {
  let interrupted = false;
  const stopOnSignals = (stop) => {
    for (const signal of endingSignals)
      process.on(signal, () => {
        if (!interrupted) complain(`stopping (${signal})`);
        interrupted = true;
        void stop().finally(() => process.exit(130));
      });
    // A child process stops when its parent is gone.
    process.on('disconnect', () => void stop().finally(() => process.exit(130)));
    // The channel must not keep this process alive.
    process.channel?.unref();
  };
  try {
    if (build) await bootstrap({ build: true });
    // Only now: the bootstrap has installed the compiler.
    const { requireTypeScript } = await import('../scripts/drill-typescript.mjs');
    const require = requireTypeScript();
    const load = (name) => require(path.join(folder, `${name}.ts`));
    const argv = process.argv.slice(2);
    if (argv.includes('--help')) return process.stdout.write(`${load(usage[0])[usage[1]]}\n`);
    process.exitCode = await load(module)[main](argv, stopOnSignals);
  } catch (error) {
    // After a stop, errors are expected, and the stop ends the process.
    if (!interrupted) failWith(error);
  }
}
