import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  SetMetadata,
  createParamDecorator,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { forbidden, unauthenticated } from '../errors';
import { ApiKeys, type Principal, type Role } from './api-keys';

export type { Principal, Role };

const ROLES = 'holdfast:roles';

/** Who may call this route. A route without it is refused to everybody, so that forgetting it is safe. */
export const Roles = (...roles: (Role | 'public')[]) => SetMetadata(ROLES, roles);

/** The caller, as the guard found it. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const { principal } = context.switchToHttp().getRequest<FastifyRequest & { principal?: Principal }>();
  if (!principal) throw new Error('Bug: this route has no authenticated caller.');
  return principal;
});

/** A client sees its own objects; viewers and admins see everybody's. */
export function ownerFilter(principal: Principal): string | null {
  return principal.role === 'client' ? principal.name : null;
}

@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly keys: ApiKeys,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const roles = this.reflector.getAllAndOverride<(Role | 'public')[] | undefined>(ROLES, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (roles?.includes('public')) return true;

    const request = context.switchToHttp().getRequest<FastifyRequest & { principal?: Principal }>();
    const principal = await this.keys.find(bearerToken(request.headers.authorization));
    if (!roles?.includes(principal.role)) {
      throw forbidden(
        `This call needs the role ${roles?.join(' or ') ?? 'nobody has'}; your key is a ${principal.role} key.`,
      );
    }
    request.principal = principal;
    return true;
  }
}

function bearerToken(header: string | undefined): string {
  const token = /^Bearer ([\x21-\x7e]{1,200})$/i.exec(header ?? '')?.[1];
  if (!token) throw unauthenticated('Send your key as "Authorization: Bearer <key>".');
  return token;
}
