import { documented, pageOfType } from '../../http/responses';

const releaseFilter = {
  ids: ['rsv_01jd3v7q8nf0xv7c0kq1e5m9tz'],
  status: 'active',
  sku: 'TEE-BLACK-M',
  customerId: 'cus_42',
  expiringWithinSeconds: 60,
};

const optionalFilter = Object.keys(releaseFilter).map((name) => `filter.${name}`);

export const releaseCountType = documented(
  'ReleaseCount',
  {
    object: 'release_count',
    filter: releaseFilter,
    reservations: 189,
    units: 276,
    customers: 171,
    skippedPinned: 281,
    asOf: '2026-11-20T10:00:00.000Z',
    token: 'rel_01jd3v7q8nf0xv7c0kq1e5m9tz',
    tokenExpiresInSeconds: 599,
  },
  { optional: optionalFilter },
);

export const releaseType = documented(
  'Release',
  {
    object: 'release',
    id: 'rel_01jd3v7q8nf0xv7c0kq1e5m9tz',
    status: 'running',
    filter: releaseFilter,
    reason: 'wrong price, ticket 902',
    actor: 'anna',
    reservations: 189,
    handled: 74,
    released: 70,
    unitsReleased: 101,
    endedBefore: 3,
    pinnedMeanwhile: 1,
    startedAt: '2026-11-20T10:00:02.000Z',
    endedAt: '2026-11-20T10:00:03.000Z',
  },
  { enums: { status: ['running', 'done', 'stopped'] }, nullable: ['endedAt'], optional: optionalFilter },
);

export const releaseListType = pageOfType(releaseType);
