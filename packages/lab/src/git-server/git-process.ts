/** The git program: single commands, and git-http-backend as a CGI (RFC 3875; git-http-backend(1)). */
import { spawn } from 'node:child_process';
import { asyncQueue, type Bytes, type HttpRequest, type HttpResponse } from '@keelson/std';

export interface GitProcess {
  /** Runs git in a folder; its standard output. Throws with its standard error. */
  run(folder: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string>;
  /** Answers one request of the smart HTTP protocol below `root`. Resolves when the answer's head is there. */
  serve(root: string, request: HttpRequest, options: { readonly path: string; readonly query: string; readonly user: string | undefined }): Promise<HttpResponse>;
}

const outputChunks = 4096;
const errorLimit = 4096;
const headLimit = 16 * 1024;

/** Settings of the user and the system stay out of the lab's repository. */
function quietEnv(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', LC_ALL: 'C.UTF-8', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0', ...extra };
}

export function gitProcess(): GitProcess {
  return {
    run(folder, args, env = {}) {
      return new Promise((resolve, reject) => {
        const child = spawn('git', args, { cwd: folder, env: quietEnv(env), stdio: ['ignore', 'pipe', 'pipe'] });
        let out = '';
        let problems = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
        child.stderr.setEncoding('utf8').on('data', (text: string) => (problems = (problems + text).slice(-errorLimit)));
        child.on('error', (cause) => reject(new Error(`running git ${args[0]}`, { cause })));
        child.on('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`git ${args[0]} ended with ${code}: ${problems.trim()}`))));
      });
    },
    serve: (root, request, options) => serveCgi(root, request, options),
  };
}

async function serveCgi(root: string, request: HttpRequest, { path, query, user }: { readonly path: string; readonly query: string; readonly user: string | undefined }): Promise<HttpResponse> {
  const header = (name: string) => request.headers[name] ?? '';
  const child = spawn('git', ['http-backend'], {
    cwd: root,
    env: quietEnv({
      GIT_PROJECT_ROOT: root, GIT_HTTP_EXPORT_ALL: '1', PATH_INFO: path, QUERY_STRING: query, REQUEST_METHOD: request.method, CONTENT_TYPE: header('content-type'),
      ...(header('content-length') ? { CONTENT_LENGTH: header('content-length') } : {}), HTTP_CONTENT_ENCODING: header('content-encoding'),
      GIT_PROTOCOL: header('git-protocol'), REMOTE_ADDR: request.peer?.address ?? '', ...(user ? { REMOTE_USER: user } : {}),
    }),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let problems = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (problems = (problems + text).slice(-errorLimit)));
  const output = asyncQueue<Bytes>(outputChunks, () => child.kill());
  child.stdout.on('data', (chunk: Buffer) => {
    output.push(chunk);
    if (output.size > 64) child.stdout.pause();
  });
  child.on('error', (cause) => output.fail(new Error('running git http-backend', { cause })));
  child.on('close', (code) => (code === 0 ? output.end() : output.fail(new Error(`git http-backend ended with ${code}: ${problems.trim()}`))));
  request.signal?.addEventListener('abort', () => child.kill(), { once: true });
  child.stdin.on('error', () => {}); // git may end before it has read everything; its exit code tells
  void feed(child.stdin, request.body);
  const reader = output[Symbol.asyncIterator]();
  const { head, rest } = await readHead(reader);
  return { ...head, body: bodyOf(rest, reader, () => child.stdout.resume()) };
}

async function feed(stdin: NodeJS.WritableStream, body: HttpRequest['body']): Promise<void> {
  try {
    if (body instanceof Uint8Array) stdin.write(body);
    else if (body) for await (const chunk of body) if (!stdin.write(chunk)) await new Promise<void>((resolve) => stdin.once('drain', resolve).once('close', resolve));
  } finally {
    stdin.end();
  }
}

/** The CGI header: `Status:` and header lines up to an empty line. */
async function readHead(reader: AsyncIterator<Bytes>): Promise<{ head: Pick<HttpResponse, 'status' | 'headers'>; rest: Bytes }> {
  let seen = Buffer.alloc(0);
  for (;;) {
    const next = await reader.next();
    if (next.done) throw new Error('git http-backend ended without an answer');
    seen = Buffer.concat([seen, next.value]);
    const end = seen.indexOf('\r\n\r\n');
    if (end < 0 && seen.length > headLimit) throw new Error('git http-backend answered without a header');
    if (end < 0) continue;
    let status = 200;
    const headers: Record<string, string> = {};
    for (const line of seen.subarray(0, end).toString('latin1').split('\r\n')) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      if (name === 'status') status = Number.parseInt(value, 10);
      else headers[name] = value;
    }
    return { head: { status, headers }, rest: seen.subarray(end + 4) };
  }
}

async function* bodyOf(first: Bytes, reader: AsyncIterator<Bytes>, resume: () => void): AsyncGenerator<Bytes> {
  try {
    if (first.length > 0) yield first;
    for (let next = await reader.next(); !next.done; next = await reader.next()) {
      yield next.value;
      resume();
    }
  } finally {
    await reader.return?.();
  }
}
