import { Client } from 'pg';
import { refuseUnlessThrowaway, throwawayMark } from '../../test/support/database';

/**
 * A copy of a database and its restore. Both close all connections, so the service must be stopped.
 */
export class DatabaseCopy {
  private constructor(private readonly url: URL) {}

  static async of(databaseUrl: string): Promise<DatabaseCopy> {
    const copy = new DatabaseCopy(new URL(databaseUrl));
    await copy.onServer(async (client) => {
      await copy.cutOff(client);
      await client.query(`CREATE DATABASE ${copy.name}_copy TEMPLATE ${copy.name}`);
    });
    return copy;
  }

  /** Replaces the database by its copy; later changes are lost. */
  async putBack(): Promise<void> {
    await this.onServer(async (client) => {
      await client.query(`DROP DATABASE ${this.name} WITH (FORCE)`);
      await client.query(`ALTER DATABASE ${this.name}_copy RENAME TO ${this.name}`);
      await client.query(`COMMENT ON DATABASE ${this.name} IS '${throwawayMark}'`);
    });
  }

  private get name(): string {
    return this.url.pathname.slice(1);
  }

  private async cutOff(server: Client): Promise<void> {
    const own = new Client({ connectionString: this.url.href });
    await own.connect();
    try {
      await refuseUnlessThrowaway((sql) => own.query(sql).then(({ rows }) => rows));
    } finally {
      await own.end();
    }
    await server.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
      this.name,
    ]);
  }

  private async onServer(work: (client: Client) => Promise<void>): Promise<void> {
    const server = new URL(this.url.href);
    server.pathname = '/postgres';
    server.search = '';
    const client = new Client({ connectionString: server.href });
    await client.connect();
    try {
      await work(client);
    } finally {
      await client.end();
    }
  }
}
