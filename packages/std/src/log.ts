/** Structured log: a constant message and fields. Values of fields whose name says secret are redacted. */
export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A log that adds `fields` to every line. */
  with(fields: Fields): Log;
}

export type Fields = Readonly<Record<string, unknown>>;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Fields;
}

const secretName = /passw|secret(?!Ref|Name)|token|private|credential|authorization/i;

/** The fields with every value redacted whose name says that it is a secret; errors become their joined messages. */
export function redactFields(fields: Fields): Fields {
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    out[name] = secretName.test(name) ? '[redacted]' : value instanceof Error ? describeError(value) : value;
  }
  return out;
}

/** A log that hands each redacted line to `sink`. */
export function createLog(sink: (line: LogLine) => void, base: Fields = {}): Log {
  const at = (level: LogLevel) => (message: string, fields: Fields = {}) =>
    sink({ level, message, fields: redactFields({ ...base, ...fields }) });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => createLog(sink, { ...base, ...fields }),
  };
}

export const silentLog: Log = createLog(() => {});

/** An error's message joined with the messages of its causes: "doing x: doing y: connection refused". */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  for (let depth = 0; current !== undefined && current !== null && depth < 8; depth++) {
    if (!(current instanceof Error)) {
      parts.push(String(current));
      break;
    }
    const text = current.message || current.name;
    if (!parts.some((part) => part.includes(text))) parts.push(text);
    current = current.cause;
  }
  return parts.join(': ');
}
