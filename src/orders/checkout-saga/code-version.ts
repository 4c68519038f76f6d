import type { OperationNaming } from '../../payment/operation-names';

/**
 * Raise it when the steps or their meaning change, or anything that is sent to the provider: keys, metadata, parameters. A
 * worker leaves sagas of a newer version to newer workers, and drives older ones as their build would have.
 *
 * 1  operations are named at the provider by their rows
 * 2  … by their purpose
 * 3  … and the metadata names the installation
 * 4  what the buyer does and the goods: capture modes, 3-D Secure, another card. Older sagas are `automatic`
 */
// guard: code-version
export const codeVersion = 4;

/**
 * The buyer of such a saga authenticates and may pay with another card, and an intent that was declined is cancelled before
 * the order goes on. Older ones end at the first decline, and `requires_action` is one.
 */
export const buyerMayAct = ({ codeVersion: version }: { codeVersion: number }): boolean => version >= 4;

export function namingOf(version: number): OperationNaming {
  if (version < 2) return 'row';
  return version === 2 ? 'purpose' : 'installation';
}
