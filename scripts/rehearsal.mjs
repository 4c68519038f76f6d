// A load test that the dashboard starts: as `npm run flash-sale`, against the service that started it.
import { runLoadTest } from '../loadtest/run.mjs';

await runLoadTest({
  module: 'flash-sale',
  main: 'flashSale',
  usage: ['flash-args', 'flashSaleUsage'],
  build: false,
});
