const { writeFileSync } = require('node:fs');

/** Leaves the numbers of a Jest run where `npm test`, which may run Jest more than once, adds them up. */
module.exports = class TotalsReporter {
  onRunComplete(_contexts, results) {
    const file = process.env.HOLDFAST_TEST_TOTALS;
    if (!file) return;
    const totals = {
      passed: results.numPassedTests,
      // A suite that could not even be loaded has no tests to count, and has failed.
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
    };
    writeFileSync(file, JSON.stringify(totals));
  }
};
