import type { ClientBase } from 'pg';
import { type Config, ConfigError } from '../config/config';
import { isNotMigrated } from './pg-errors';

/**
 * Refuses a connection to the database of another cell, with ConfigError: ids made for it would name the wrong cell. Every
 * new connection is checked, because an address may lead elsewhere after a failover or a restore.
 */
export function cellCheck({ cell }: Config) {
  return async (client: ClientBase): Promise<void> => {
    const number = await cellNumberOf(client);
    if (number === undefined || number === cell.number) return;
    throw new ConfigError(
      `CELL is ${cell.name}:${cell.number}, but DATABASE_URL leads to the database of the cell with number ${number}${number === 0 ? ', which every database of a build without CELL is' : ''}. Set CELL=<its name>:${number}, or correct DATABASE_URL.`,
    );
  };
}

async function cellNumberOf(client: ClientBase): Promise<number | undefined> {
  try {
    const { rows } = await client.query<{ cell: number }>('SELECT cell FROM installation');
    return rows[0]?.cell;
  } catch (error) {
    // The migration will take the number from CELL.
    if (isNotMigrated(error)) return undefined;
    throw error;
  }
}
