/** One sample of a Prometheus page. */
interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** The metrics of a process; none while it is down. */
export async function samplesAt(url: string): Promise<Sample[]> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    return (await response.text()).split('\n').flatMap(sampleOf);
  } catch {
    return [];
  }
}

function sampleOf(line: string): Sample[] {
  const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === undefined) return [];
  const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, is]) => [label!, is!] as const);
  return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }];
}

/** The sum of the samples of this name that have these labels. */
export function sumOf(samples: Sample[], wanted: string, labels: Record<string, string> = {}): number {
  return samples
    .filter((sample) => sample.name === wanted)
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0);
}
