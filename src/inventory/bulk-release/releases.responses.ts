import { z } from 'zod';
import { instant, int, pageType, publicIdOf, responseType, text } from '../../http/responses';
import { publicId } from '../../ids';
import { handledOf, tokenLifetimeMs } from './releases';
import type { ReleaseStatus } from './release.entity';
import type { ReleaseRow } from './releases.repository';

const filterType = responseType('ReleaseFilter', {
  ids: z.array(publicIdOf('rsv')).optional(),
  status: text('active').optional(),
  sku: text('TEE-BLACK-M').optional(),
  customerId: text('cus_42').optional(),
  expiringWithinSeconds: int(60).optional(),
});

export const releaseCountType = responseType('ReleaseCount', {
  object: z.literal('release_count'),
  filter: filterType,
  reservations: int(189).describe('How many would end.'),
  units: int(276),
  customers: int(171),
  skippedPinned: int(281).describe('Pinned ones that match too; they stay.'),
  asOf: instant(),
  token: publicIdOf('rel').describe('Stands for exactly these reservations; later ones are not included.'),
  tokenExpiresInSeconds: int(599),
});

export const releaseType = responseType('Release', {
  object: z.literal('release'),
  id: publicIdOf('rel'),
  status: z.enum(['running', 'done', 'stopped']),
  filter: filterType,
  reason: text('wrong price, ticket 902'),
  actor: text('anna'),
  reservations: int(189).describe('What the dry run counted.'),
  handled: int(74).describe('released + endedBefore + pinnedMeanwhile'),
  released: int(70),
  unitsReleased: int(101),
  endedBefore: int(3).describe('Had ended before they were reached.'),
  pinnedMeanwhile: int(1).describe('Stay, because a charge is in flight.'),
  startedAt: instant('2026-11-20T10:00:02.000Z'),
  endedAt: instant('2026-11-20T10:00:03.000Z').nullable(),
});
export const releaseListType = pageType(releaseType);

export const countView = (row: ReleaseRow): z.infer<typeof releaseCountType> => ({
  object: 'release_count',
  filter: row.filter,
  reservations: row.reservations,
  units: row.units,
  customers: row.customers,
  skippedPinned: row.skippedPinned,
  asOf: row.countedAt.toISOString(),
  token: publicId('rel', row.id),
  tokenExpiresInSeconds: Math.ceil((tokenLifetimeMs - (row.now.getTime() - row.countedAt.getTime())) / 1_000),
});

/** A release has begun, unlike a count, which is a row without a start and without a reason. */
export const releaseView = (row: ReleaseRow): z.infer<typeof releaseType> => ({
  object: 'release',
  id: publicId('rel', row.id),
  status: row.status as Exclude<ReleaseStatus, 'counted'>,
  filter: row.filter,
  reason: row.reason!,
  actor: row.actor,
  reservations: row.reservations,
  handled: handledOf(row),
  released: row.released,
  unitsReleased: row.unitsReleased,
  endedBefore: row.endedBefore,
  pinnedMeanwhile: row.pinnedMeanwhile,
  startedAt: row.startedAt!.toISOString(),
  endedAt: row.endedAt?.toISOString() ?? null,
});
