import { refusal } from '../../errors';
import { parsePublicId } from '../../ids';

export const endpointNotFound = refusal(
  404,
  'webhook_endpoint_not_found',
  'There is no such webhook endpoint',
);
export const tooManyEndpoints = refusal(409, 'too_many_endpoints', 'The key has too many webhook endpoints');
export const endpointDisabled = refusal(409, 'endpoint_disabled', 'The webhook endpoint is disabled');
export const disabledByOperator = refusal(
  409,
  'disabled_by_operator',
  'An operator has disabled the webhook endpoint',
);
export const replayInProgress = refusal(
  409,
  'replay_in_progress',
  'A replay to the webhook endpoint is running',
);
export const webhookUrlNotAllowed = refusal(
  422,
  'webhook_url_not_allowed',
  'Webhooks cannot be sent to this URL',
);

export const noSuchEndpoint = () =>
  endpointNotFound(
    'There is no webhook endpoint with this id that is yours. GET /v1/webhook-endpoints lists them.',
  );

/** A malformed id is not found. */
export function endpointIdOf(text: string): string {
  const id = parsePublicId('whe', text);
  if (!id) throw noSuchEndpoint();
  return id;
}
