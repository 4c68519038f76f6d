// A load test started from the dashboard: like `npm run flash-sale`, against the service that started it.
import { runLoadTest } from '../loadtest/run.mjs';

await runLoadTest({
  module: 'flash-sale',
  main: 'flashSale',
  usage: ['flash-args', 'flashSaleUsage'],
  build: false,
});
