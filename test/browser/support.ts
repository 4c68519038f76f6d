import { readFileSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';
import type { Shop } from '../support/shop';
import { patienceMs, until } from '../support/until';

/** As root it has no sandbox of its own; the rest keeps it from calling home. */
const switches = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export type Theme = 'light' | 'dark';

export interface VisitOptions {
  role?: 'admin' | 'viewer';
  theme?: Theme;
  width?: number;
  height?: number;
}

/** One person's tab: the page, and everything that it complained about. */
export class Visit {
  /** Console errors, exceptions, and refusals of the CSP. */
  readonly complaints: string[] = [];
  /** Requests to any other host than the service's. */
  readonly foreign: string[] = [];

  constructor(
    readonly page: Page,
    readonly base: string,
  ) {
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning')
        this.complain(message.text(), message.location().url);
    });
    page.on('pageerror', (error) => this.complain(String(error.stack ?? error), page.url()));
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (/^https?:$/.test(url.protocol) && url.origin !== new URL(base).origin)
        this.foreign.push(request.url());
    });
  }

  private complain(text: string, url: string): void {
    // Who is not signed in is told so by a 401, and the browser writes that down by itself.
    if (text.includes('401 (Unauthorized)') && url.endsWith('/v1/admin/session')) return;
    this.complaints.push(`${text} (${url})`);
  }

  async go(path: string): Promise<void> {
    await this.page.goto(this.base + path);
  }

  /** Once the stream has told of itself, everything that moves is on the page. */
  async untilLive(): Promise<void> {
    await this.page.locator('[data-phase=live]').waitFor();
  }

  /** The dialog over the page. A toast that comes while it fades out has the same role, and is not modal. */
  get dialog(): Locator {
    return this.page.getByRole('dialog').and(this.page.locator(':not([aria-modal=false])'));
  }

  /** Once no part of the page is waited for. */
  async untilLoaded(): Promise<void> {
    await this.page.locator('h1').first().waitFor();
    await until(
      'nothing is being loaded',
      async () => (await this.page.locator('[data-loading]').count()) === 0,
    );
  }

  /** The text of the page, with plain spaces. */
  async text(selector = 'body'): Promise<string> {
    return spaced(await this.page.locator(selector).first().innerText());
  }

  /** What axe has against the page as it stands, as lines that can be read. */
  async violations(): Promise<string[]> {
    await this.page.evaluate(axeSource);
    const found = await this.page.evaluate<
      { id: string; nodes: { html: string; failureSummary: string }[] }[]
    >(
      `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then((result) => result.violations)`,
    );
    return found.flatMap(({ id, nodes }) =>
      nodes.map(
        ({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary.split('\n')[1] ?? ''}`,
      ),
    );
  }

  /** How much wider the page is than its window: nothing, unless it scrolls sideways. */
  async overhang(): Promise<number> {
    return this.page.evaluate<number>(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}

/** Spaces of all widths as the one that is on the keyboard. */
export const spaced = (text: string): string => text.replaceAll(/[\u202f\u00a0]/g, ' ');

/** The browser of a suite, and its visits to the shop. */
export class BrowserAt {
  private browser: Browser | undefined;
  private readonly contexts: BrowserContext[] = [];

  constructor(private readonly shop: Shop) {}

  async launch(): Promise<void> {
    const executablePath = process.env.HOLDFAST_CHROMIUM ?? '/usr/bin/chromium';
    this.browser = await chromium.launch({ executablePath, args: switches, timeout: patienceMs });
  }

  async close(): Promise<void> {
    await this.browser?.close();
  }

  /** A tab of nobody's, or of somebody who has signed in. */
  async visit({ role, theme = 'light', width = 1440, height = 900 }: VisitOptions = {}): Promise<Visit> {
    const base = this.shop.admin.base;
    const context = await this.browser!.newContext({ colorScheme: theme, viewport: { width, height } });
    context.setDefaultTimeout(patienceMs);
    this.contexts.push(context);
    if (role !== undefined) {
      const answer = await context.request.post(`${base}/v1/admin/session`, {
        data: { key: `hf_dev_${role}` },
        headers: { origin: base, 'x-holdfast': '1' },
      });
      if (answer.status() !== 201) throw new Error(`POST session: ${answer.status()} ${await answer.text()}`);
    }
    return new Visit(await context.newPage(), base);
  }

  /** Closes the tabs of a test, so that their streams do not go on into the next. */
  async closeVisits(): Promise<void> {
    await Promise.all(this.contexts.splice(0).map((context) => context.close()));
  }
}

/** A browser for the suite around the call. */
export function openBrowser(shop: Shop): BrowserAt {
  const browser = new BrowserAt(shop);
  beforeAll(() => browser.launch());
  afterEach(() => browser.closeVisits());
  afterAll(() => browser.close());
  return browser;
}

/** Looks until the page says it. */
export const untilSays = (visit: Visit, text: string | RegExp, selector?: string): Promise<string> =>
  until(`the page says ${text}`, async () => {
    const all = await visit.text(selector);
    return (typeof text === 'string' ? all.includes(text) : text.test(all)) && all;
  });

/** What holds on every page, whatever it shows: on a desk, on a phone, and at 400 % on a desk. */
export async function expectSoundPage(visit: Visit, path: string): Promise<void> {
  const { page } = visit;
  await visit.go(path);
  await visit.untilLive();
  await visit.untilLoaded();
  for (const width of [1440, 390]) {
    await page.setViewportSize({ width, height: 900 });
    expect({ width, violations: await visit.violations() }).toEqual({ width, violations: [] });
  }
  await page.setViewportSize({ width: 320, height: 640 });
  // A chart takes a frame to follow.
  await until('nothing is wider than the page', async () => (await visit.overhang()) <= 0);
  expect(visit.complaints).toEqual([]);
  expect(visit.foreign).toEqual([]);
  expect(await page.locator('h1').count()).toBe(1);
}
