import { ValidationFailed, refusal } from '../../errors';

export const releaseNotFound = refusal({
  code: 'release_not_found',
  status: 404,
  title: 'There is no such release',
});
export const releaseTokenExpired = refusal({
  code: 'release_token_expired',
  status: 409,
  title: 'The count is too old to act on',
});
export const releaseNotRunning = refusal({
  code: 'release_not_running',
  status: 409,
  title: 'The release has ended already',
});

export const tooManyToRelease = (max: number) =>
  new ValidationFailed([
    {
      pointer: '/filter',
      code: 'too_many',
      detail: `More than ${max} reservations match. Narrow the filter, and release the rest afterwards.`,
    },
  ]);
