import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the operator's dashboard needs beside the shop's own rows: sessions, and what processes tell of themselves. Nothing
 * here is part of a promise to a buyer; all of it may be emptied at any time.
 */
export class Stage1764300000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE sessions (
        token_sha256 bytea PRIMARY KEY,
        key_sha256   bytea       NOT NULL,
        created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
        expires_at   timestamptz NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE sign_in_failures (
        address  text COLLATE "C" PRIMARY KEY,
        failures integer     NOT NULL,
        since    timestamptz NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE workers (
        id         text COLLATE "C" PRIMARY KEY,
        started_at timestamptz NOT NULL,
        beat_at    timestamptz NOT NULL,
        stopping   boolean     NOT NULL DEFAULT false,
        facts      jsonb       NOT NULL
      ) WITH (fillfactor = 70)`);
    // Some minutes of what every process did, second by second. It was UNLOGGED in the first builds (1764750000000).
    await runner.query(`
      CREATE TABLE activity (
        second  timestamptz NOT NULL,
        process uuid        NOT NULL,
        facts   jsonb       NOT NULL,
        PRIMARY KEY (second, process)
      )`);
    await runner.query(`
      CREATE TABLE last_audit (
        newest     boolean PRIMARY KEY DEFAULT true CHECK (newest),
        checked_at timestamptz NOT NULL,
        took_ms    integer     NOT NULL,
        report     jsonb       NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE strategy_measurements (
        sku             text COLLATE "C" NOT NULL,
        strategy        text COLLATE "C" NOT NULL,
        measured_at     timestamptz      NOT NULL,
        p50_ms          double precision NOT NULL,
        p99_ms          double precision NOT NULL,
        conflict_rate   double precision NOT NULL,
        batch_size      double precision NOT NULL,
        peak_per_second double precision NOT NULL,
        PRIMARY KEY (sku, strategy)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE strategy_measurements`);
    await runner.query(`DROP TABLE last_audit`);
    await runner.query(`DROP TABLE activity`);
    await runner.query(`DROP TABLE workers`);
    await runner.query(`DROP TABLE sign_in_failures`);
    await runner.query(`DROP TABLE sessions`);
  }
}
