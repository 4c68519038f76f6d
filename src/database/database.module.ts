import { Global, Module } from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { CONFIG, type Config, ConfigError } from '../config/config';
import { dataSourceOptions } from './data-source';
import { Database } from './database';
import { serveCell } from '../ids';
import { explainRefusedSettings } from './session';

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
      useFactory: (dataSource: DataSource, { cell }: Config) => {
        serveCell(cell.number);
        return new Database(dataSource);
      },
    },
  ],
  exports: [Database],
})
export class DatabaseModule {}
