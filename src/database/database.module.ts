import { Global, Logger, Module } from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { CONFIG, type Config, ConfigError } from '../config/config';
import { dataSourceOptions } from './data-source';
import { Database } from './database';
import { serveCell } from '../ids';
import { explainRefusedSettings, timeoutTrouble } from './session';

/** A lost connection is not the end of a start; /health/ready reads the timeouts again. */
async function reportTimeouts(config: Config, db: Database): Promise<void> {
  const read = (sql: string, parameters: unknown[]) => db.rows(sql, parameters);
  const trouble = await timeoutTrouble(config, read).catch(() => undefined);
  if (trouble) new Logger('database').warn(trouble);
}

/** One connection pool per process. */
@Global()
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      inject: [CONFIG],
      // PostgreSQL may start after us. The orchestrator limits how long we wait.
      useFactory: (config: Config) => ({
        ...dataSourceOptions(config, 'holdfast'),
        retryAttempts: 20,
        retryDelay: 500,
        verboseRetryLog: false,
        // A wrong setting does not go away by retrying.
        toRetry: (error) => !(explainRefusedSettings(error) instanceof ConfigError),
      }),
    }),
  ],
  providers: [
    {
      provide: Database,
      inject: [getDataSourceToken(), CONFIG],
      useFactory: async (dataSource: DataSource, config: Config) => {
        serveCell(config.cell.number);
        const db = new Database(dataSource);
        await reportTimeouts(config, db);
        return db;
      },
    },
  ],
  exports: [Database],
})
export class DatabaseModule {}
