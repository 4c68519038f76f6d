import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  SetMetadata,
  applyDecorators,
  createParamDecorator,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiBearerAuth } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { forbidden, refusal, unauthenticated } from '../errors';
import { ApiKeys, type Principal, digest } from './api-keys';
import type { Role } from './auth.entity';
import { Sessions, sessionToken } from './sessions';

export type { Principal };

/** What identified the caller: the digest of a key or of a session. Streams look it up again later. */
export interface Credential {
  kind: 'key' | 'session';
  sha256: string;
}

export type Authenticated = FastifyRequest & { principal?: Principal; credential?: Credential };

const ROLES = 'holdfast:roles';

/** The roles that may call this route. A route without it is refused to everyone, so forgetting it is safe. */
export const Roles = (...roles: (Role | 'public')[]) =>
  applyDecorators(SetMetadata(ROLES, roles), ...(roles.includes('public') ? [] : [ApiBearerAuth()]));

/** The caller that the guard found. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const { principal } = context.switchToHttp().getRequest<Authenticated>();
  if (!principal) throw new Error('Bug: this route has no authenticated caller.');
  return principal;
});

/** A client sees its own objects; viewers and admins see all. */
export function ownerFilter(principal: Principal): string | null {
  return principal.role === 'client' ? principal.name : null;
}

@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly keys: ApiKeys,
    private readonly sessions: Sessions,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const roles = this.reflector.getAllAndOverride<(Role | 'public')[] | undefined>(ROLES, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (roles?.includes('public')) return true;

    const request = context.switchToHttp().getRequest<Authenticated>();
    const { principal, credential } = await this.callerOf(request);
    if (!roles?.includes(principal.role)) {
      throw forbidden(
        `This call needs the role ${roles?.join(' or ') ?? 'that no key has'}; your key is a ${principal.role} key.`,
      );
    }
    Object.assign(request, { principal, credential });
    return true;
  }

  /** By key, or in a browser by session. */
  private async callerOf(request: FastifyRequest): Promise<{ principal: Principal; credential: Credential }> {
    const token = sessionToken(request);
    if (token === undefined || request.headers.authorization !== undefined) {
      const key = bearerToken(request.headers.authorization);
      const sha256 = digest(key);
      return { principal: await this.keys.find(key, sha256), credential: { kind: 'key', sha256 } };
    }
    const session = await this.sessions.find(token);
    if (!session) throw unauthenticated('Your session has ended. Sign in again.');
    if (!readsOnly(request)) refuseOtherSites(request, { byScript: true });
    return { principal: session.principal, credential: { kind: 'session', sha256: digest(token) } };
  }
}

export const crossSiteRequest = refusal(
  403,
  'cross_site_request',
  'The request does not come from the dashboard',
);

export const readsOnly = ({ method }: FastifyRequest) => method === 'GET' || method === 'HEAD';

/**
 * Protects sessions against cross-site requests, since a browser sends our cookie with all of them. A change must come
 * from one of our pages (`Origin`), sent by one of our scripts: forms and links cannot set a header.
 */
export function refuseOtherSites(request: FastifyRequest, { byScript }: { byScript: boolean }): void {
  const { origin } = request.headers;
  const isOurs = origin !== undefined && URL.canParse(origin) && new URL(origin).host === request.host;
  if (!isOurs)
    throw crossSiteRequest(
      'This request has a session but comes from another site. Send it from the dashboard, or use a key.',
    );
  if (byScript && request.headers['x-holdfast'] !== '1')
    throw crossSiteRequest(
      'This request has a session but lacks the header X-Holdfast: 1. Send the header, or use a key.',
    );
}

function bearerToken(header: string | undefined): string {
  const token = /^Bearer ([\x21-\x7e]{1,200})$/i.exec(header ?? '')?.[1];
  if (!token) throw unauthenticated('Send your key as "Authorization: Bearer <key>".');
  return token;
}
