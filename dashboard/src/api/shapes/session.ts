export type Role = 'viewer' | 'admin';

/**
 * `GET /v1/admin/session`: 200, or 401 `unauthenticated` with a `SignInPage` in its members `environment` and
 * `developmentKeys`. `POST` refuses with 401 `unauthenticated` (key not known), 403 `forbidden` (a client key) and 429
 * `sign_in_limited` (`retryAfterSeconds` and Retry-After). `DELETE` answers 204, with or without a session.
 */
export interface Session {
  object: 'session';
  role: Role;
  keyName: string;
  environment: Environment;
  /** Of the service, as in package.json. */
  version: string;
  /** Changes with every build of the dashboard: the page compares it with the `build` of the stream's `hello`. */
  build: string;
  expiresInSeconds: number;
}

export type Environment = 'development' | 'test' | 'production';

/** What a 401 of `GET session` carries, for the sign-in page. */
export interface SignInPage {
  environment: Environment;
  /** Null in production, and wherever the settings name keys of their own. */
  developmentKeys: { admin: string; viewer: string } | null;
}
