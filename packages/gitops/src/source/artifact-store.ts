// Where artifacts are kept and how others get them: the layout, file names and URLs of Flux's source-controller, but on durable files.
import { type Files, type HttpHandler, type HttpResponse, requestUrl, textResponse } from '@keelson/std';
import { digestOf } from '@keelson/git';
import type { Artifact } from '../flux.ts';

export interface ArtifactStore {
  /** Stores the bytes under the owner's folder and answers the artifact as it stands in a status. */
  write(owner: ArtifactOwner, file: string, content: { readonly bytes: Uint8Array; readonly digest: string; readonly revision: string; readonly now: string }): Promise<Artifact>;
  /** The bytes; undefined when they are not there or do not match the digest. */
  read(artifact: Pick<Artifact, 'path' | 'digest'>): Promise<Uint8Array | undefined>;
  /** Removes all files of the owner but those of the artifacts given: the current one, and the one before for readers that still fetch it. */
  collect(owner: ArtifactOwner, keep: readonly (Pick<Artifact, 'path'> | undefined)[]): Promise<void>;
  /** Removes everything of the owner. */
  remove(owner: ArtifactOwner): Promise<void>;
  /** The URL under which an artifact is served now. */
  urlOf(path: string): string;
  /** Serves the files: GET and HEAD; the root answers 200 for probes. */
  readonly handler: HttpHandler;
}

export interface ArtifactOwner {
  /** In lower case, e.g. `gitrepository`. */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export interface ArtifactStoreOptions {
  readonly files: Files;
  /** An absolute folder of ours alone. */
  readonly folder: string;
  /** What URLs begin with, e.g. `http://127.0.0.1:9090`; no slash at the end. */
  readonly baseUrl: string;
}

/** An artifact store on files. */
export function createArtifactStore({ files, folder, baseUrl }: ArtifactStoreOptions): ArtifactStore {
  const ownerPath = (owner: ArtifactOwner) => `${owner.kind}/${owner.namespace}/${owner.name}`;
  const read = async (path: string) => (isStorePath(path) ? files.read(`${folder}/${path}`) : undefined);
  return {
    async write(owner, file, { bytes, digest, revision, now }) {
      const path = `${ownerPath(owner)}/${file}`;
      await files.write(`${folder}/${path}`, bytes, { mode: 0o600 });
      return { digest, lastUpdateTime: now, path, revision, size: bytes.length, url: `${baseUrl}/${path}` };
    },
    async read({ path, digest }) {
      const bytes = await read(path);
      return bytes && digestOf(bytes) === digest ? bytes : undefined;
    },
    async collect(owner, keep) {
      const kept = new Set(keep.map((artifact) => artifact?.path));
      for (const name of await files.list(`${folder}/${ownerPath(owner)}`)) {
        const path = `${ownerPath(owner)}/${name}`;
        if (!kept.has(path)) await files.remove(`${folder}/${path}`);
      }
    },
    remove: (owner) => files.remove(`${folder}/${ownerPath(owner)}`),
    urlOf: (path) => `${baseUrl}/${path}`,
    handler: async (request): Promise<HttpResponse> => {
      if (request.method !== 'GET' && request.method !== 'HEAD') return textResponse(405, 'method not allowed\n', { allow: 'GET, HEAD' });
      const path = decodeURIComponent(requestUrl(request).pathname).slice(1);
      if (path === '') return textResponse(200, 'ok\n');
      const bytes = await read(path);
      if (!bytes) return textResponse(404, 'not found\n');
      return { status: 200, headers: { 'content-type': 'application/gzip', 'content-length': String(bytes.length) }, body: request.method === 'HEAD' ? undefined : bytes };
    },
  };
}

/** kind/namespace/name/file, none of which can lead elsewhere. */
function isStorePath(path: string): boolean {
  const parts = path.split('/');
  return parts.length === 4 && parts.every((part) => part !== '' && part !== '.' && part !== '..' && !/[\\\0]/.test(part));
}
