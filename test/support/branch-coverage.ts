import { Session, type Profiler } from 'node:inspector/promises';

/** Finds the code of some files that a set of runs did not reach, by V8's block coverage. */
export class BranchCoverage {
  private readonly session = new Session();
  private readonly sources = new Map<string, string>();
  /** By earlier test files of this process. */
  private readonly loadedBefore = new Set<string>();

  /** `files`: how their paths end. They must not have been loaded yet: V8 counts blocks only in code compiled afterwards. */
  constructor(private readonly files: readonly string[]) {}

  async start(): Promise<void> {
    this.session.connect();
    // See test/jest-runtime.cjs.
    Object.assign(globalThis, { holdfastCountsBranches: true });
    const note = ({ params }: { params: { scriptId: string } }) => this.loadedBefore.add(params.scriptId);
    this.session.on('Debugger.scriptParsed', note);
    await this.session.post('Debugger.enable');
    this.session.off('Debugger.scriptParsed', note);
    await this.session.post('Profiler.enable');
    await this.session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** What ran since the last time: for each file one flag for each character. */
  async take(): Promise<Reached> {
    const { result } = await this.session.post('Profiler.takePreciseCoverage');
    const reached: Reached = new Map();
    for (const { url, scriptId, functions } of result) {
      const file = this.files.find((one) => url.endsWith(one));
      if (!file || this.loadedBefore.has(scriptId)) continue;
      const { scriptSource } = await this.session.post('Debugger.getScriptSource', { scriptId });
      this.sources.set(file, scriptSource);
      reached.set(file, flagsOf(functions, scriptSource.length));
    }
    return reached;
  }

  /** The pieces of code that none of the runs reached, as `file: code`. */
  unreached(runs: readonly Reached[]): string[] {
    return this.files.flatMap((file) => {
      const source = this.sources.get(file);
      if (source === undefined) throw new Error(`Bug: ${file} was not loaded`);
      const flags = runs.map((run) => run.get(file)).filter((one) => one !== undefined);
      const isReached = (at: number) => flags.some((one) => one[at] === 1);
      return piecesOf(source, isReached).map((code) => `${file}: ${code}`);
    });
  }

  stop(): void {
    this.session.disconnect();
  }
}

export type Reached = Map<string, Uint8Array>;

/** Outer ranges first, so that the innermost range of a character decides. */
function flagsOf(functions: Profiler.FunctionCoverage[], length: number): Uint8Array {
  const flags = new Uint8Array(length);
  const ranges = functions.flatMap(({ ranges }) => ranges);
  ranges.sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  for (const { startOffset, endOffset, count } of ranges)
    flags.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  for (const { ranges: added } of functions.filter(isAdded))
    flags.fill(1, added[0]!.startOffset, added[0]!.endOffset);
  return flags;
}

/** By the compiler, for imports. */
const isAdded = ({ functionName }: Profiler.FunctionCoverage) => functionName.startsWith('_');

/** Without comments, brackets alone, and the getters that the compiler makes of exports. */
function piecesOf(source: string, isReached: (at: number) => boolean): string[] {
  const pieces: string[] = [];
  let piece = '';
  for (let at = 0; at <= source.length; at++) {
    if (at < source.length && !isReached(at)) piece += source[at];
    else if (piece !== '') {
      const code = piece
        .replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, '')
        .replaceAll(/\s+/g, ' ')
        .trim();
      if (/\w/.test(code) && !/^get \w+ \(\)/.test(code)) pieces.push(code);
      piece = '';
    }
  }
  return pieces;
}
