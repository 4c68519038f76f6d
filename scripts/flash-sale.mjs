// `npm run flash-sale`: many buyers, few units, and afterwards what every witness says.
import { runLoadTest } from '../loadtest/run.mjs';

await runLoadTest({ module: 'flash-sale', main: 'flashSale', usage: ['flash-args', 'flashSaleUsage'] });
