import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApi } from '../../src/api.module';
import { loadConfig } from '../../src/config/config';
import { type TestDatabase, createTestDatabase } from './database';

/** Several API servers in this process, on a separate database, without queues. */
export async function openApis(count: number, env: NodeJS.ProcessEnv = {}, made?: TestDatabase) {
  const database = made ?? (await createTestDatabase());
  const apis: NestFastifyApplication[] = [];
  for (let nth = 0; nth < count; nth++) {
    const app = await createApi(
      loadConfig({ DATABASE_URL: database.url, QUEUES: 'off', LOG_LEVEL: 'silent', ...env }),
    );
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
    apis.push(app);
  }
  return {
    apis,
    close: async () => {
      for (const app of apis) await app.close();
      await database.drop();
    },
  };
}
