import { Body, Controller, Delete, Get, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Matches, ValidateIf } from 'class-validator';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIG, type Config, developmentKeys } from '../config/config';
import { ValidationFailed, forbidden, unauthenticated, wrongCell } from '../errors';
import { Responses, int, responseType, text } from '../http/responses';
import { ApiKeys, digest } from './api-keys';
import type { Role } from './auth.entity';
import { Roles, crossSiteRequest, refuseOtherSites } from './auth.guard';
import { BodyRules } from '../http/body';
import { dashboardBuild } from '../http/dashboard';
import { type LiveSession, Sessions, SignInLimit, SignInLimited, sessionToken } from './sessions';
import { serviceVersion } from '../version';

const sessionType = responseType('Session', {
  object: z.literal('session'),
  role: z.enum(['viewer', 'admin']).meta({ id: 'Role', example: 'admin' }),
  keyName: text('bootstrap-admin'),
  environment: z.enum(['development', 'test', 'production']),
  cell: text('main').describe('The name of the cell that answers (`CELL`).'),
  version: text('0.1.0'),
  build: text('5f2b8c01d3aa').describe(
    "Of the dashboard: another one than the page's means that it is out of date.",
  ),
  expiresInSeconds: int(28_800),
});

/** The members of a 401, for the page that signs in. */
export const signInPageType = responseType('SignInPage', {
  environment: sessionType.shape.environment,
  developmentKeys: z
    .strictObject({ admin: text(developmentKeys.admin), viewer: text(developmentKeys.viewer) })
    .nullable(),
});
type SignInPage = z.infer<typeof signInPageType>;

class SignInDto {
  @ValidateIf((_, key) => key !== undefined)
  @Matches(/^[\x21-\x7e]{1,200}$/, { message: 'key must be 1 to 200 visible characters' })
  key?: string;
}

/**
 * Public, because this is where a browser signs in. A client key, an unknown key and an ended session are different
 * errors, because the sign-in page shows a different sentence for each.
 */
@ApiTags('admin: session')
@Controller('v1/admin/session')
@Roles('public')
export class SessionController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly keys: ApiKeys,
    private readonly sessions: Sessions,
    private readonly limit: SignInLimit,
  ) {}

  @Post()
  // It is public and holds a key of at most 200 characters.
  @BodyRules({ limitBytes: 4 * 1024 })
  @ApiOperation({
    summary: 'Sign in to the dashboard',
    description:
      'Exchanges a viewer or admin key for a cookie (HttpOnly, SameSite=Strict). Without a key it renews the session of the cookie.',
  })
  @Responses({ 201: sessionType }, [
    ValidationFailed,
    unauthenticated,
    forbidden,
    crossSiteRequest,
    wrongCell,
    SignInLimited,
  ])
  async signIn(
    @Body() { key }: SignInDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    // Otherwise another site could sign a browser in with its own key, and read what the user does.
    if (request.headers.origin !== undefined) refuseOtherSites(request, { byScript: true });
    const session = key === undefined ? await this.renewed(request) : await this.exchanged(key, request);
    void reply.header('set-cookie', this.sessions.cookie(session.token));
    return this.view(session);
  }

  @Get()
  @ApiOperation({
    summary: 'Get the session',
    description:
      'The 401 holds what a sign-in page needs: the environment, and outside production the development keys.',
  })
  @Responses({ 200: sessionType }, [unauthenticated])
  async getSession(@Req() request: FastifyRequest) {
    const token = sessionToken(request);
    const session = token && (await this.sessions.find(token));
    if (session) return this.view(session);
    throw unauthenticated(token ? 'Your session has ended. Sign in again.' : 'Sign in with your key.', {
      environment: this.config.environment,
      developmentKeys: this.developmentKeys(),
    } satisfies SignInPage);
  }

  @Delete()
  @HttpCode(204)
  @ApiOperation({ summary: 'Sign out', description: 'Ends the session in every tab.' })
  @Responses({}, [crossSiteRequest])
  async signOut(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const token = sessionToken(request);
    if (token === undefined) return;
    refuseOtherSites(request, { byScript: true });
    await this.sessions.end(token);
    void reply.header('set-cookie', this.sessions.cookie());
  }

  private async renewed(request: FastifyRequest): Promise<LiveSession & { token: string }> {
    const ended = () => unauthenticated('Your session has ended. Sign in again.');
    const token = sessionToken(request);
    // Checked before the origin, so that the 403 shows another site only that a session exists.
    if (token === undefined || !(await this.sessions.find(token))) throw ended();
    refuseOtherSites(request, { byScript: true });
    const session = await this.sessions.renew(token);
    if (!session) throw ended();
    return { token, ...session };
  }

  private async exchanged(key: string, request: FastifyRequest): Promise<LiveSession & { token: string }> {
    await this.limit.beginTry(request.ip);
    const principal = await this.keys.findNow(digest(key));
    if (!principal) throw this.keys.unknown(key, 'That key is not known.');
    if (principal.role === 'client')
      throw forbidden('This is a client key. The dashboard needs a viewer or admin key.');
    await this.limit.succeeded(request.ip);
    return this.sessions.begin(key, principal);
  }

  /** Only the well-known keys of development, never configured ones. */
  private developmentKeys(): SignInPage['developmentKeys'] {
    const { admin, viewer } = this.config.bootstrapKeys;
    const areKnown = admin === developmentKeys.admin && viewer === developmentKeys.viewer;
    return areKnown && !this.config.production ? { admin, viewer } : null;
  }

  private view({ principal, expiresInSeconds }: LiveSession): z.infer<typeof sessionType> {
    return {
      object: 'session',
      // A client key gets no session.
      role: principal.role as Exclude<Role, 'client'>,
      keyName: principal.name,
      environment: this.config.environment,
      cell: this.config.cell.name,
      version: serviceVersion,
      build: dashboardBuild(),
      expiresInSeconds,
    };
  }
}
