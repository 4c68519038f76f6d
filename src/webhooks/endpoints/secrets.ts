import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { ConfigError } from '../../config/config';

const ivLength = 12;
const tagLength = 16;

/** `whsec_` and 32 random bytes in base64, as Standard Webhooks has it. */
export const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

/** AES-256-GCM: nonce, tag, ciphertext. The first key encrypts. */
export function sealSecret([key]: readonly Buffer[], secret: string): Buffer {
  const iv = randomBytes(ivLength);
  const cipher = createCipheriv('aes-256-gcm', key!, iv);
  const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), sealed]);
}

/** By whichever key it was encrypted with. Throws when it was another. */
export function openSecret(keys: readonly Buffer[], sealed: Buffer): string {
  for (const key of keys) {
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, ivLength), {
        authTagLength: tagLength,
      });
      decipher.setAuthTag(sealed.subarray(ivLength, ivLength + tagLength));
      return (
        decipher.update(sealed.subarray(ivLength + tagLength), undefined, 'utf8') + decipher.final('utf8')
      );
    } catch {
      // The next key.
    }
  }
  throw new ConfigError(
    'HOLDFAST_SECRETS_KEY is not the key that the secrets of webhook endpoints were encrypted with. Set it to that key; while it changes, to both: HOLDFAST_SECRETS_KEY=<new>,<old>',
  );
}
