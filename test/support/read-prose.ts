/**
 * Finds code that reads a sentence written for people. It needs a code or a fact next to the sentence: words change,
 * are translated, and differ between builds.
 */
const prose = '(?:detail|why|lastError|endReason|story)';
const reads: readonly RegExp[] = [
  new RegExp(`/\\w*\\.(?:test|exec)\\([^)\\n]*\\b${prose}\\b`),
  new RegExp(
    `\\b${prose}\\b(?:\\s*\\?\\?\\s*'')?\\)?\\??\\.(?:match|matchAll|includes|startsWith|endsWith|replace|replaceAll|split|search|indexOf)\\(`,
  ),
  new RegExp(`\\b${prose}\\s*[=!]==?\\s*['"\`]`),
  /\b(?:detail|last_error|end_reason)\s+(?:NOT\s+)?(?:LIKE|ILIKE|SIMILAR|~)/,
];

export const readsOfProse = ({ path, text }: { path: string; text: string }): string[] =>
  text
    .split('\n')
    .flatMap((line, nth) =>
      reads.some((read) => read.test(line)) ? [`${path}:${nth + 1} ${line.trim()}`] : [],
    );
