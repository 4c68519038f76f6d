import ts from 'typescript';

/**
 * Words that read as if translated, or that only we understand, with what to write instead. They are searched in prose:
 * comments, sentences in strings, test names and Markdown.
 */
export const bannedWords: readonly { word: RegExp; write: string }[] = [
  { word: /\bdoorbells?\b/i, write: 'wake-up job' },
  { word: /\bturnstiles?\b/i, write: 'admission limit' },
  { word: /\bmishaps?\b/i, write: 'error' },
  { word: /\bturn(?:s|ed|ing)? (?:it |them )?back\b/i, write: 'request cancellation, compensate' },
  { word: /\bwhoever\b/i, write: 'the one that' },
  { word: /\banew\b/i, write: 'again' },
  { word: /\bfor ever\b/i, write: 'forever' },
  { word: /\bof (?:its|their|our|his|her|my|your) own\b/i, write: 'its own' },
  { word: /\bcom(?:e|es|ing) to (?:its|their|an|the) ends?\b/i, write: 'ends' },
  { word: /\bin the meantime\b/i, write: 'leave it out' },
  { word: /\b(?:is|are|was|were|be|been|being) told\b/i, write: 'gets, is reported, receives' },
  { word: /\btells\b/i, write: 'reports, says, shows' },
  {
    word: /\b(?:hand is needed|needs? (?:no|a) hand|operator’s hand|operator's hand)\b/i,
    write: 'an operator must act',
  },
  { word: /\b(?:person looks|for a person)\b/i, write: 'an operator must act' },
  { word: /\bheats?\b/i, write: 'contention mode' },
  { word: /\bdesk\b/i, write: 'saga actions' },
];

const inTestNames = { word: /\bshould\b/i, write: 'what it does' };

/** All folders with prose. */
export const proseFolders = [
  'src',
  'sandbox',
  'dashboard/src',
  'docs',
  'test',
  'drills',
  'loadtest',
  'scripts',
  'packages/client/src',
  'examples',
];

/** The prose of a file, a passage per line number. */
export function proseOf(path: string, text: string): { line: number; text: string }[] {
  return path.endsWith('.md') ? proseOfMarkdown(text) : proseOfSource(path, text);
}

export function bannedIn(path: string, text: string): string[] {
  const words = path.endsWith('.spec.ts') ? [...bannedWords, inTestNames] : bannedWords;
  return proseOf(path, text).flatMap(({ line, text: passage }) =>
    words.flatMap(({ word, write }) => {
      const found = word.exec(passage);
      return found ? [`${path}:${line} "${found[0]}" (write: ${write})`] : [];
    }),
  );
}

/** Without code: fences and what stands in backquotes. Links keep their text and lose their address. */
function proseOfMarkdown(text: string): { line: number; text: string }[] {
  let isCode = false;
  return text.split('\n').flatMap((line, nth) => {
    if (line.trimStart().startsWith('```')) isCode = !isCode;
    if (isCode) return [];
    return [{ line: nth + 1, text: line.replace(/`[^`]*`/g, '').replace(/\]\([^)]*\)/g, ']') }];
  });
}

/** Comments, and strings with a space in them that are no SQL. */
function proseOfSource(path: string, text: string): { line: number; text: string }[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: { line: number; text: string }[] = [];
  const add = (at: number, passage: string) => {
    const first = source.getLineAndCharacterOfPosition(at).line + 1;
    // Joined to the next line, so that a phrase broken by the line's end is found too.
    const lines = passage.replace(/`[^`\n]*`/g, '').split('\n');
    lines.forEach((line, nth) => {
      const next =
        lines[nth + 1]
          ?.replace(/^[\s*/]+/, '')
          .split(' ')
          .slice(0, 3)
          .join(' ') ?? '';
      found.push({ line: first + nth, text: `${line.trimEnd()} ${next}` });
    });
  };
  const seen = new Set<number>();
  const visit = (node: ts.Node): void => {
    for (const { pos, end } of ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []) {
      if (!seen.has(pos)) add(pos, text.slice(pos, end));
      seen.add(pos);
    }
    const isText =
      ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node);
    if (isText && / /.test(node.text) && !/\b(?:SELECT|INSERT|UPDATE|DELETE|FROM|WHERE)\b/.test(node.text))
      add(node.getStart(), node.text);
    if (ts.isJsxText(node)) add(node.getStart(), node.text);
    node.forEachChild(visit);
  };
  visit(source);
  return found;
}
