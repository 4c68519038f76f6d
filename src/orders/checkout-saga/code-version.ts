import type { OperationNaming } from '../../payment/payment-operations.repository';

/**
 * Raise it when the steps or their meaning change, or anything that is sent to the provider: keys, metadata, parameters. A
 * worker leaves sagas of a newer version to newer workers, and drives older ones as their build would have.
 *
 * 1  operations are named at the provider by their rows
 * 2  … by their purpose
 */
// guard: code-version
export const codeVersion = 2;

export const namingOf = (version: number): OperationNaming => (version < 2 ? 'row' : 'purpose');
