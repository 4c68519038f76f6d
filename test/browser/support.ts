import { readFileSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';
import type { Shop } from '../support/shop';
import { patienceMs, until } from '../support/until';

/** Chromium has no sandbox as root; the other flags keep it from calling home. */
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

/** One user's tab: the page, and every complaint of the browser. */
export class Visit {
  /** Console errors, exceptions and CSP violations. */
  readonly complaints: string[] = [];
  /** Requests to other hosts. */
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
    // The browser logs the 401 that every visit without a session gets.
    if (text.includes('401 (Unauthorized)') && url.endsWith('/v1/admin/session')) return;
    this.complaints.push(`${text} (${url})`);
  }

  async go(path: string): Promise<void> {
    await this.page.goto(this.base + path);
  }

  /** Waits for the first stream message; then all live data is on the page. */
  async untilLive(): Promise<void> {
    await this.page.locator('[data-phase=live]').waitFor();
  }

  /** The modal dialog. A toast has the same role but is not modal. */
  get dialog(): Locator {
    return this.page.getByRole('dialog').and(this.page.locator(':not([aria-modal=false])'));
  }

  /** Waits until nothing on the page is loading. */
  async untilLoaded(): Promise<void> {
    await this.page.locator('h1').first().waitFor();
    await until(
      'nothing is being loaded',
      async () => (await this.page.locator('[data-loading]').count()) === 0,
    );
  }

  /** The page's text, with plain spaces. */
  async text(selector = 'body'): Promise<string> {
    return spaced(await this.page.locator(selector).first().innerText());
  }

  /** The axe violations of the page as it is, one readable line each. */
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

  /** By how much the page is wider than its window; 0 unless it scrolls sideways. */
  async overhang(): Promise<number> {
    return this.page.evaluate<number>(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}

/** Replaces spaces of all widths by plain ones. */
export const spaced = (text: string): string => text.replaceAll(/[\u202f\u00a0]/g, ' ');

/** The browser of a suite, and its visits. */
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

  /** A tab, signed out or signed in. */
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

  /** Closes the tabs of a test, so that their streams end with it. */
  async closeVisits(): Promise<void> {
    await Promise.all(this.contexts.splice(0).map((context) => context.close()));
  }
}

/** A browser for the surrounding suite. */
export function openBrowser(shop: Shop): BrowserAt {
  const browser = new BrowserAt(shop);
  beforeAll(() => browser.launch());
  afterEach(() => browser.closeVisits());
  afterAll(() => browser.close());
  return browser;
}

/** Waits until the page shows a text. */
export const untilSays = (visit: Visit, text: string | RegExp, selector?: string): Promise<string> =>
  until(`the page says ${text}`, async () => {
    const all = await visit.text(selector);
    return (typeof text === 'string' ? all.includes(text) : text.test(all)) && all;
  });

/** Checks that hold on every page: at desktop and phone width, and at 400 % zoom. */
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
  // A chart needs a frame to resize.
  await until('nothing is wider than the page', async () => (await visit.overhang()) <= 0);
  expect(visit.complaints).toEqual([]);
  expect(visit.foreign).toEqual([]);
  expect(await page.locator('h1').count()).toBe(1);
}
