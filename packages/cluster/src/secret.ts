import type { Secret } from '@keelson/api';

/** The text under a key of a Secret; undefined when there is none or it is empty. */
export function secretText(secret: Secret, key: string): string | undefined {
  const encoded = secret.data?.[key];
  if (!encoded) return undefined;
  return Buffer.from(encoded, 'base64').toString('utf8');
}

/** `data` of a Secret from texts. */
export function secretData(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(text, 'utf8').toString('base64')]));
}
