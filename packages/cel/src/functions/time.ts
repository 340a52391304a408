// Timestamps and durations: cel-spec doc/langdef.md "Abstract types"; durations as Go's time.ParseDuration reads them.
import type { DurationValue, TimestampValue, Value } from '../values/value.ts';
import { CelError } from '../values/value.ts';
import type { Overload } from './declare.ts';
import { global, member } from './declare.ts';

const second = 1_000_000_000n;
const maxDuration = 0x7fff_ffff_ffff_ffffn;
const minTimestamp = -62_135_596_800n * second;
const maxTimestamp = 253_402_300_800n * second - 1n;

const units: Readonly<Record<string, bigint>> = { ns: 1n, us: 1_000n, 'µs': 1_000n, 'μs': 1_000n, ms: 1_000_000n, s: second, m: 60n * second, h: 3_600n * second };

/** Nanoseconds of a text such as `1h30m` or `-1.5s`; undefined when it is none. */
export function parseDuration(text: string): bigint | undefined {
  const [, sign, body = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (body === '0') return 0n;
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body)) return undefined;
  let total = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of body.matchAll(/(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g)) {
    const size = units[unit] ?? 0n;
    total += BigInt(whole || '0') * size + (fraction === '' ? 0n : (BigInt(fraction) * size) / 10n ** BigInt(fraction.length));
  }
  if (total > maxDuration) return undefined;
  return sign === '-' ? -total : total;
}

/** A duration as the language prints it: seconds, `90s`, `1.500s`. */
export function showDuration(ns: bigint): string {
  const size = ns < 0n ? -ns : ns;
  const fraction = (size % second).toString().padStart(9, '0');
  const short = fraction.replace(/0+$/, '');
  return `${ns < 0n ? '-' : ''}${size / second}${short === '' ? '' : `.${short}`}s`;
}

/** Nanoseconds since the epoch of an RFC 3339 text; undefined when it is none. */
export function parseTimestamp(text: string): bigint | undefined {
  const found = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!found) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, seconds = 0] = found.slice(1, 7).map(Number);
  const ms = Date.UTC(2000, month - 1, day, hour, minute, seconds);
  const moved = new Date(ms);
  moved.setUTCFullYear(year, month - 1, day);
  if (month < 1 || month > 12 || moved.getUTCDate() !== day || hour > 23 || minute > 59 || seconds > 59) return undefined;
  const zone = found[8] ?? 'Z';
  const offset = zone === 'Z' ? 0n : (zone.startsWith('-') ? -1n : 1n) * (BigInt(zone.slice(1, 3)) * 60n + BigInt(zone.slice(4))) * 60n;
  const ns = (BigInt(moved.getTime()) / 1000n - offset) * second + BigInt((found[7] ?? '').padEnd(9, '0').slice(0, 9));
  return ns < minTimestamp || ns > maxTimestamp ? undefined : ns;
}

/** A timestamp as RFC 3339 text in UTC. */
export function showTimestamp(ns: bigint): string {
  const fraction = (((ns % second) + second) % second).toString().padStart(9, '0').replace(/0+$/, '');
  const seconds = (ns - (((ns % second) + second) % second)) / second;
  const text = new Date(Number(seconds) * 1000).toISOString().replace(/\.\d+Z$/, '');
  return `${text}${fraction === '' ? '' : `.${fraction}`}Z`;
}

export function timestamp(ns: bigint): TimestampValue {
  if (ns < minTimestamp || ns > maxTimestamp) throw new CelError('timestamp overflow');
  return { kind: 'timestamp', ns };
}

export function duration(ns: bigint): DurationValue {
  if (ns < -maxDuration - 1n || ns > maxDuration) throw new CelError('duration overflow');
  return { kind: 'duration', ns };
}

/** The moment in a zone, as a Date whose UTC fields show the local time. */
function inZone(at: TimestampValue, zone: string): Date {
  const ms = Number((at.ns - (((at.ns % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n);
  const fixed = /^([+-]?)(\d\d):(\d\d)$/.exec(zone);
  if (fixed) return new Date(ms + (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3])) * 60_000);
  if (zone === 'UTC' || zone === '') return new Date(ms);
  try {
    const parts = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', era: 'short', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }).formatToParts(ms);
    const part = (type: string) => Number(parts.find((one) => one.type === type)?.value);
    return new Date(Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'), ((ms % 1000) + 1000) % 1000));
  } catch (cause) {
    if (cause instanceof RangeError) throw new CelError(`unknown time zone ${zone}`);
    throw cause;
  }
}

const getters: readonly (readonly [string, (date: Date) => number])[] = [
  ['getFullYear', (date) => date.getUTCFullYear()],
  ['getMonth', (date) => date.getUTCMonth()],
  ['getDayOfYear', (date) => Math.floor((Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()) - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000)],
  ['getDayOfMonth', (date) => date.getUTCDate() - 1],
  ['getDate', (date) => date.getUTCDate()],
  ['getDayOfWeek', (date) => date.getUTCDay()],
  ['getHours', (date) => date.getUTCHours()],
  ['getMinutes', (date) => date.getUTCMinutes()],
  ['getSeconds', (date) => date.getUTCSeconds()],
  ['getMilliseconds', (date) => date.getUTCMilliseconds()],
];

const durationGetters: readonly (readonly [string, (ns: bigint) => bigint])[] = [
  ['getHours', (ns) => ns / (3_600n * second)],
  ['getMinutes', (ns) => ns / (60n * second)],
  ['getSeconds', (ns) => ns / second],
  ['getMilliseconds', (ns) => ns / 1_000_000n],
];

function orFail<T extends Value>(value: T | undefined, message: string): T {
  if (value === undefined) throw new CelError(message);
  return value;
}

export const timeFunctions: readonly Overload[] = [
  global('_+_', ['duration', 'duration'], 'duration', (a, b) => duration(a.ns + b.ns)),
  global('_+_', ['timestamp', 'duration'], 'timestamp', (a, b) => timestamp(a.ns + b.ns)),
  global('_+_', ['duration', 'timestamp'], 'timestamp', (a, b) => timestamp(a.ns + b.ns)),
  global('_-_', ['duration', 'duration'], 'duration', (a, b) => duration(a.ns - b.ns)),
  global('_-_', ['timestamp', 'duration'], 'timestamp', (a, b) => timestamp(a.ns - b.ns)),
  global('_-_', ['timestamp', 'timestamp'], 'duration', (a, b) => duration(a.ns - b.ns)),
  global('timestamp', ['timestamp'], 'timestamp', (at) => at),
  global('timestamp', ['string'], 'timestamp', (text) => timestamp(orFail(parseTimestamp(text), `parsing time "${text}" as RFC 3339 failed`))),
  global('timestamp', ['int'], 'timestamp', (seconds) => timestamp(seconds * second)),
  global('duration', ['duration'], 'duration', (length) => length),
  global('duration', ['string'], 'duration', (text) => duration(orFail(parseDuration(text), `time: invalid duration "${text}"`))),
  global('duration', ['int'], 'duration', (ns) => duration(ns)),
  global('int', ['timestamp'], 'int', (at) => (at.ns - (((at.ns % second) + second) % second)) / second),
  global('int', ['duration'], 'int', (length) => length.ns),
  global('string', ['timestamp'], 'string', (at) => showTimestamp(at.ns)),
  global('string', ['duration'], 'string', (length) => showDuration(length.ns)),
  ...getters.flatMap(([name, get]) => [
    member(name, ['timestamp'], 'int', (at) => BigInt(get(inZone(at, 'UTC')))),
    member(name, ['timestamp', 'string'], 'int', (at, zone) => BigInt(get(inZone(at, zone)))),
  ]),
  ...durationGetters.map(([name, get]) => member(name, ['duration'], 'int', (length) => get(length.ns))),
];
