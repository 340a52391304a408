/** HTTP headers of the Redfish specification (DSP0266), in lower case as std carries them. */
export const headerNames = {
  odataVersion: 'odata-version',
  authToken: 'x-auth-token',
  etag: 'etag',
  ifMatch: 'if-match',
  location: 'location',
  retryAfter: 'retry-after',
  allow: 'allow',
  authorization: 'authorization',
  wwwAuthenticate: 'www-authenticate',
} as const;

/** The only OData version of Redfish. */
export const odataVersion = '4.0';
