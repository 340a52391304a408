import type { HttpRequest, HttpResponse } from '@keelson/std';
import type { User } from '../authn/user.ts';
import type { ResourcePath } from '../http/path.ts';

/** Kinds that are questions about who may do what: they are answered and not stored. */
export interface Reviews {
  /** Undefined when the path names no review. */
  answer(request: HttpRequest, path: ResourcePath, user: User): Promise<HttpResponse | undefined>;
}
