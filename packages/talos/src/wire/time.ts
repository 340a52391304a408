/** google.protobuf.Timestamp, Duration and Any as this API uses them. */
import { decode, isMessageName } from './codec.ts';
import type { Any, Duration, Timestamp } from './types.gen.ts';

/** A timestamp of milliseconds since the epoch. */
export function timestampFromMs(epochMs: number): Timestamp {
  const seconds = Math.floor(epochMs / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((epochMs - seconds * 1000) * 1e6) };
}

/** Milliseconds since the epoch; undefined for an absent timestamp. */
export function timestampToMs(timestamp: Timestamp | undefined): number | undefined {
  return timestamp && Number(timestamp.seconds) * 1000 + timestamp.nanos / 1e6;
}

/** A duration of milliseconds; the sign of both parts is the same, as protobuf asks. */
export function durationFromMs(ms: number): Duration {
  const seconds = Math.trunc(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

/** Milliseconds of a duration; undefined when absent. */
export function durationToMs(duration: Duration | undefined): number | undefined {
  return duration && Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}

/** What Talos writes before the full name of an event's message in `Any.type_url`. */
export const eventTypePrefix = 'talos/runtime/';

/** The message in an event's `Any` with its full name; undefined when it is none that we know. */
export function unpackAny(any: Any): { readonly name: string; readonly value: unknown } | undefined {
  const name = any.typeUrl.slice(any.typeUrl.lastIndexOf('/') + 1);
  return isMessageName(name) ? { name, value: decode(name, any.value) } : undefined;
}
