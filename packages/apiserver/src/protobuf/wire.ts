/** One field on the wire (protobuf encoding): a varint, or bytes (also for fixed 32 and 64 bits). */
export interface WireField {
  readonly number: number;
  readonly varint?: bigint;
  readonly bytes?: Uint8Array;
}

/**
 * The fields of a message in order. `packed` reads a packed list of varints instead, whose numbers are 0.
 * Throws RangeError for bytes that are no message.
 */
export function* readFields(bytes: Uint8Array, packed = false): Generator<WireField> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError('a number is cut short');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number is too long');
  };
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new RangeError('a field is cut short');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    if (packed) {
      yield { number: 0, varint: varint() };
      continue;
    }
    const key = varint();
    const number = Number(key >> 3n);
    if (number === 0) throw new RangeError('a field has the number 0');
    switch (Number(key & 7n)) {
      case 0:
        yield { number, varint: varint() };
        break;
      case 1:
        yield { number, bytes: take(8) };
        break;
      case 2: {
        const length = varint();
        if (length > BigInt(bytes.length)) throw new RangeError('a field is cut short');
        yield { number, bytes: take(Number(length)) };
        break;
      }
      case 5:
        yield { number, bytes: take(4) };
        break;
      default:
        throw new RangeError('a field has a type that is not known');
    }
  }
}

/** A varint as a signed number. */
export function toInt(varint: bigint): number {
  return Number(BigInt.asIntN(64, varint));
}

/** The eight bytes of a double. */
export function toDouble(field: WireField): number {
  const bytes = field.bytes ?? new Uint8Array(8);
  return bytes.length === 8 ? new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true) : 0;
}
