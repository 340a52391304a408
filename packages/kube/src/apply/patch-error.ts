/**
 * A patch that cannot be read or does not fit. `code` is the HTTP code the API server answers with: 400 malformed,
 * 409 conflict, 413 too large, 415 not supported, 422 does not apply, 500 does not fit the schema.
 */
export class PatchError extends Error {
  override readonly name = 'PatchError';
  readonly code: 400 | 409 | 413 | 415 | 422 | 500;

  constructor(code: PatchError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
