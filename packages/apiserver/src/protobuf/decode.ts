/** Media type of Kubernetes' protobuf bodies. */
export const protobufType = 'application/vnd.kubernetes.protobuf';

/** True when bytes carry the envelope's magic number. */
export function isProtobufBody(bytes: Uint8Array): boolean {
  return bytes[0] === 0x6b && bytes[1] === 0x38 && bytes[2] === 0x73 && bytes[3] === 0;
}

export function decodeProtobufObject(bytes: Uint8Array): unknown {
  throw new Error(`protobuf bodies are not read yet (${bytes.length} bytes)`);
}
