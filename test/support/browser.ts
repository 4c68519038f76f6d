import type { NestFastifyApplication } from '@nestjs/platform-fastify';

const host = 'shop.test';

/** The headers that a browser sends, and those that the dashboard's scripts add. */
export const ours = { origin: `http://${host}`, 'x-holdfast': '1' };

/** A browser with one cookie jar. `at` is the API process that it reaches. */
export class Browser {
  cookie: string | undefined;

  constructor(private readonly address = '198.51.100.7') {}

  async send(
    at: NestFastifyApplication,
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    { body, headers = ours }: { body?: object; headers?: Record<string, string> } = {},
  ) {
    const answer = await at.inject({
      method,
      url,
      remoteAddress: this.address,
      headers: {
        host,
        ...headers,
        ...(this.cookie ? { cookie: this.cookie } : {}),
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      payload: body,
    });
    const set = answer.headers['set-cookie'];
    if (typeof set === 'string') this.cookie = set.split(';')[0];
    return answer;
  }

  signIn(at: NestFastifyApplication, key: string) {
    return this.send(at, 'POST', '/v1/admin/session', { body: { key } });
  }

  /** The status of a call that any dashboard user may make. */
  async reads(at: NestFastifyApplication): Promise<number> {
    return (await this.send(at, 'GET', '/v1/admin/products')).statusCode;
  }
}
