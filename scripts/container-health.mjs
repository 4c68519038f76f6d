// HEALTHCHECK of the container images: node scripts/container-health.mjs api|worker|sandbox
// Exits 0 when the process in this container works, or 1 with a line that says why not.

const checks = {
  api: () => answers(`http://127.0.0.1:${process.env.PORT || 3000}/health/ready`),
  // There is no health route, and reading the whole ledger every few seconds would be expensive.
  sandbox: () => answers(`http://127.0.0.1:${process.env.SANDBOX_PORT || 3100}/`, { anyRoute: true }),
  worker: workerIsBusy,
};

async function answers(url, { anyRoute = false } = {}) {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_500) });
  if (!response.ok && !(anyRoute && response.status === 404))
    throw new Error(`${url} answered ${response.status}`);
}

/**
 * A worker listens on no port, but its sweeper queries the database at least every two seconds. So PostgreSQL knows whether
 * the worker of this container, which connects from the same address as this check, still runs.
 */
async function workerIsBusy() {
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    connectionString: process.env.DATABASE_URL,
    connectionTimeoutMillis: 3_000,
  });
  await client.connect();
  try {
    const { rows } = await client.query(`
      SELECT max(state_change) AS last
        FROM pg_stat_activity
       WHERE application_name LIKE 'holdfast%'
         AND client_addr IS NOT DISTINCT FROM inet_client_addr()
      HAVING max(state_change) > now() - interval '30 seconds'
    `);
    if (rows.length === 0) throw new Error('no statement from this worker within 30 seconds');
  } finally {
    await client.end();
  }
}

const check = checks[process.argv[2]];
try {
  if (!check) throw new Error(`one of ${Object.keys(checks).join(', ')} is needed as the argument`);
  await check();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
