import { Injectable } from '@nestjs/common';
import { Database, type Queryable } from '../database/database';
import { publicId } from '../ids';

/**
 * This installation's id. It is in the metadata of what we send to the provider, whose account another shop or a copy of
 * this database may use too. Read once per process: a running process keeps the id that it began with.
 */
@Injectable()
export class Installation {
  private known: Promise<string> | undefined;

  constructor(private readonly db: Database) {}

  /** As it stands in the metadata: `ins_…`. */
  id(): Promise<string> {
    this.known ??= installationId(this.db).catch((error: unknown) => {
      this.known = undefined;
      throw error;
    });
    return this.known;
  }
}

export async function installationId(queryable: Queryable): Promise<string> {
  const [row] = await queryable.rows<{ id: string }>(`SELECT id FROM installation`);
  if (!row) throw noInstallation();
  return publicId('ins', row.id);
}

/** When the migration made it, or a copy was given its own. */
export async function installedAt(queryable: Queryable): Promise<Date> {
  const [row] = await queryable.rows<{ createdAt: Date }>(
    `SELECT created_at AS "createdAt" FROM installation`,
  );
  if (!row) throw noInstallation();
  return row.createdAt;
}

const noInstallation = () =>
  new Error(
    'The table installation has no row, which the migration inserts. Insert it: npm run installation -- renew',
  );

/** Gives this database another id. For copies, whose cell stays: their rows' ids contain it. */
export async function renewInstallation(
  queryable: Queryable,
  { id, now, cell }: { id: string; now: Date; cell: number },
): Promise<void> {
  await queryable.rows(
    `
    INSERT INTO installation (id, created_at, cell) VALUES ($1::uuid, $2::timestamptz, $3::smallint)
        ON CONFLICT (single) DO UPDATE SET id = excluded.id, created_at = excluded.created_at
    `,
    [id, now, cell],
  );
}
