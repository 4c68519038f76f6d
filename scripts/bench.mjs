// `npm run bench`: performance as ratios to floors that are measured in the same run.
import { runLoadTest } from '../loadtest/run.mjs';

await runLoadTest({ module: 'bench', main: 'bench', usage: ['bench-args', 'benchUsage'] });
