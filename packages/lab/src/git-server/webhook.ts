/** Telling somebody about a push, as a forge does: a signed POST (the form that Flux's generic-hmac receiver takes). */
import { createHmac } from 'node:crypto';
import { describeError, encodeText, rfc3339, type Env } from '@keelson/std';

export interface Webhook {
  readonly url: string;
  readonly secret: string;
  /** PEM of the authority to trust for an https URL. */
  readonly ca?: string;
}

export interface Push {
  readonly repository: string;
  readonly url: string;
  readonly ref: string;
  readonly before: string;
  readonly after: string;
  readonly by: string;
}

export interface Delivery {
  readonly atMs: number;
  readonly after: string;
  readonly tries: number;
  /** HTTP status of the last answer; 0 when none came. */
  readonly status: number;
  readonly error: string;
}

const retryAfterMs = [1000, 5000, 30_000];
const timeoutMs = 10_000;
const kept = 32;

/** `sha256=<hex>` of a body under a shared secret. */
export function signature(secret: string, body: Uint8Array): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

export class WebhookSender {
  readonly #env: Env;
  readonly #stop = new AbortController();
  #hook: Webhook | undefined;
  #deliveries: Delivery[] = [];

  constructor(env: Env) {
    this.#env = env;
  }

  set(hook: Webhook | undefined): void {
    this.#hook = hook;
  }

  get deliveries(): readonly Delivery[] {
    return this.#deliveries;
  }

  /** Sends in the background; three more tries when no good answer comes. */
  send(push: Push): void {
    const hook = this.#hook;
    if (!hook) return;
    this.#deliver(hook, push).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) this.#env.log.warn('lab webhook failed', { url: hook.url, error: describeError(error) });
    });
  }

  close(): void {
    this.#stop.abort(new Error('the lab is closed'));
  }

  async #deliver(hook: Webhook, push: Push): Promise<void> {
    const body = encodeText(JSON.stringify({
      ref: push.ref, before: push.before, after: push.after, repository: { name: push.repository, clone_url: push.url }, pusher: { name: push.by },
      timestamp: rfc3339(this.#env.clock.now()),
    }));
    const headers = { 'content-type': 'application/json', 'x-signature': signature(hook.secret, body), 'x-event': 'push' };
    for (let tries = 1; ; tries++) {
      const { status, error } = await this.#post(hook, headers, body);
      const good = status >= 200 && status < 300;
      const pause = retryAfterMs[tries - 1];
      if (good || pause === undefined) {
        this.#deliveries = [...this.#deliveries, { atMs: this.#env.clock.now(), after: push.after, tries, status, error }].slice(-kept);
        return;
      }
      await this.#env.clock.sleep(pause, this.#stop.signal);
    }
  }

  async #post(hook: Webhook, headers: Readonly<Record<string, string>>, body: Uint8Array): Promise<{ status: number; error: string }> {
    try {
      const response = await this.#env.net.request(
        { method: 'POST', url: hook.url, headers, body, signal: this.#stop.signal },
        { timeoutMs, ...(hook.ca ? { tls: { ca: hook.ca } } : {}) },
      );
      return { status: response.status, error: '' };
    } catch (error) {
      return { status: 0, error: describeError(error) };
    }
  }
}
