const { writeFileSync } = require('node:fs');

/** Writes the numbers of a Jest run to a file, for `npm test`, which may run Jest more than once. */
module.exports = class TotalsReporter {
  onRunComplete(_contexts, results) {
    const file = process.env.HOLDFAST_TEST_TOTALS;
    if (!file) return;
    const totals = {
      passed: results.numPassedTests,
      // A suite that could not be loaded has no tests to count, but has failed.
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
    };
    writeFileSync(file, JSON.stringify(totals));
  }
};
