// Content negotiation of answers: apiserver pkg/endpoints/handlers/negotiation and kubectl's Table requests.

/** The form an answer is asked for in. Bodies are always JSON. */
export type AnswerForm =
  | { readonly kind: 'object' }
  | { readonly kind: 'table'; readonly version: string }
  | { readonly kind: 'metadata'; readonly version: string };

export interface MediaRange {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly quality: number;
}

/** The ranges of an Accept header, the preferred first. */
export function parseAccept(header: string | undefined): MediaRange[] {
  if (!header?.trim()) return [{ type: '*/*', parameters: {}, quality: 1 }];
  return header
    .split(',')
    .map(parseRange)
    .filter((range) => range.quality > 0)
    .sort((a, b) => b.quality - a.quality);
}

function parseRange(text: string): MediaRange {
  const [type = '', ...rest] = text.split(';').map((part) => part.trim());
  const parameters: Record<string, string> = {};
  for (const part of rest) {
    const equals = part.indexOf('=');
    if (equals > 0) parameters[part.slice(0, equals).toLowerCase()] = part.slice(equals + 1).replace(/^"|"$/g, '');
  }
  const quality = Number(parameters['q'] ?? 1);
  return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality };
}

const jsonRanges: ReadonlySet<string> = new Set(['*/*', 'application/*', 'application/json']);

/** Answers we can give beside the plain object. */
export interface Offered {
  readonly table: boolean;
  readonly metadata: boolean;
}

/** The first form of the Accept header that can be given; undefined when there is none (406). */
export function chooseForm(header: string | undefined, offered: Offered): AnswerForm | undefined {
  for (const { type, parameters } of parseAccept(header)) {
    const { as, g, v } = parameters;
    const isJson = jsonRanges.has(type) || type === '';
    if (!isJson) continue;
    if (as === undefined) return { kind: 'object' };
    if (g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) continue;
    if (as === 'Table' && offered.table) return { kind: 'table', version: v };
    if ((as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') && offered.metadata) return { kind: 'metadata', version: v };
  }
  return undefined;
}
