/** The servers that a whole test run shares, started once by `npm test` (scripts/test-services.mjs). */
export interface TestServices {
  /** A PostgreSQL in which databases may be created. */
  server: string;
  /** Schema name → the migrated database to clone. */
  templates: Record<string, string>;
  /** A Redis program to start, or null if there is none. */
  redis: { binary: string; ldLibraryPath?: string } | null;
}

const variable = 'HOLDFAST_TEST_SERVICES';

export function testServices(): TestServices {
  const services = parse();
  if (services === undefined) {
    throw new Error(
      `This test needs a database, and belongs in test/integration or test/e2e. Run it with: npm test -- <its path>`,
    );
  }
  return services;
}

/** False too when nothing was started because only unit tests run. */
export const redisIsAvailable = (): boolean => Boolean(parse()?.redis);

function parse(): TestServices | undefined {
  const text = process.env[variable];
  return text === undefined || text === '"none"' ? undefined : (JSON.parse(text) as TestServices);
}

/**
 * The schema of the tables of this test file. In the integration suites it is not `public`: a statement that names a
 * schema, or relies on a search path of `public`, finds nothing there.
 */
export const testSchema = (): string => (isIntegrationSuite() ? 'cell_7' : 'public');

/** Drills run without Jest. */
const isIntegrationSuite = () =>
  typeof expect !== 'undefined' && Boolean(expect.getState().testPath?.includes('/test/integration/'));
