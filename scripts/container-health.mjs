// HEALTHCHECK of the container images: node scripts/container-health.mjs api|worker|sandbox
// Exits 0 when the process in this container is alive, or 1 with a line that says why not.
//
// Only its event loop counts, because an orchestrator may restart what is unhealthy: a silent database or provider must
// restart nobody. Whether it can do its work is /health/ready, for load balancers and alerts.

const checks = {
  api: () => answers(`http://127.0.0.1:${process.env.PORT || 3000}/health/live`),
  // There is no health route, and reading the whole ledger every few seconds would be expensive.
  sandbox: () => answers(`http://127.0.0.1:${process.env.SANDBOX_PORT || 3100}/`, { anyRoute: true }),
  worker: () => answers(`http://127.0.0.1:${process.env.METRICS_PORT}/health/live`),
};

async function answers(url, { anyRoute = false } = {}) {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_500) });
  if (!response.ok && !(anyRoute && response.status === 404))
    throw new Error(`${url} answered ${response.status}`);
}

const check = checks[process.argv[2]];
try {
  if (!check) throw new Error(`one of ${Object.keys(checks).join(', ')} is needed as the argument`);
  await check();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
