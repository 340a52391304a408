import { requestUrl, textResponse, type HttpHandler } from '@keelson/std';

/** Hands a request to the handler of the longest prefix of its path; 404 where there is none. */
export function routeByPrefix(routes: Readonly<Record<string, HttpHandler>>): HttpHandler {
  const prefixes = Object.keys(routes).sort((a, b) => b.length - a.length);
  return async (request) => {
    const path = requestUrl(request).pathname;
    const prefix = prefixes.find((candidate) => path.startsWith(candidate));
    return prefix === undefined ? textResponse(404, 'not found\n') : routes[prefix]!(request);
  };
}
