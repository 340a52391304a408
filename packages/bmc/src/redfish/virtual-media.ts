/** Virtual media: VirtualMedia below the system (since schema 1.12) or below its managers. */
import { BmcError, type MediaSlot } from '../driver.ts';
import { actionNames, type InsertMediaRequest, type VirtualMedia } from '../wire/index.ts';
import { answerError, answerText, type RedfishAnswer } from './answer-error.ts';
import { readMembers } from './collection.ts';
import { readSystem, type RedfishContext } from './context.ts';
import { allowedMethods, settleTask } from './task.ts';

/** How long the BMC may take to show an image that it has accepted. */
const insertWait = { tries: 15, delayMs: 1_000 } as const;
const ejectAgain = { tries: 3, delayMs: 3_000 } as const;

type Media = VirtualMedia & { readonly path: string };

/** How an image is put into a slot. Lenovo XCC has no action and takes a PATCH. */
async function methodOf(context: RedfishContext, media: Media): Promise<'action' | 'patch' | 'none'> {
  if (media.Actions?.[actionNames.insertMedia] !== undefined) return 'action';
  // A slot without the action is read once more for what it allows.
  const answer = await context.client.attempt('GET', media.path);
  return allowedMethods(answer).includes('PATCH') && media.Image !== undefined ? 'patch' : 'none';
}

function isCd(media: VirtualMedia): boolean {
  return (media.MediaTypes ?? []).some((type) => type === 'CD' || type === 'DVD');
}

function isInserted(media: VirtualMedia): boolean {
  // Some Supermicro leave Image behind after an eject: connected to nothing means free.
  return media.Inserted === true || (media.Inserted == null && Boolean(media.Image) && media.ConnectedVia !== 'NotConnected');
}

async function readSlots(context: RedfishContext): Promise<readonly Media[]> {
  const system = await readSystem(context);
  const places = [system.VirtualMedia?.['@odata.id'], ...context.managers.map((manager) => manager.VirtualMedia?.['@odata.id'])];
  for (const place of places) {
    if (place === undefined) continue;
    const found = await readPlace(context, place);
    if (found.some(isCd)) return found;
  }
  return [];
}

/** The slots of one collection; empty where the service links to a collection that it does not have. */
async function readPlace(context: RedfishContext, path: string): Promise<readonly Media[]> {
  try {
    return await readMembers<VirtualMedia>(context.client, path);
  } catch (error) {
    if (error instanceof BmcError && (error.kind === 'not-found' || error.kind === 'unsupported')) return [];
    throw error;
  }
}

export async function readMedia(context: RedfishContext): Promise<readonly MediaSlot[]> {
  const slots: MediaSlot[] = [];
  for (const media of await readSlots(context)) slots.push(slotOf(media, isCd(media) && (await methodOf(context, media)) !== 'none'));
  return slots;
}

function slotOf(media: Media, bootable: boolean): MediaSlot {
  const inserted = isInserted(media);
  return { id: media.path, types: media.MediaTypes ?? [], bootable, inserted, image: inserted ? (media.Image ?? '') : '' };
}

/** Puts an image into the first slot that takes it. */
export async function insertMedia(context: RedfishContext, url: string): Promise<MediaSlot> {
  const candidates: { readonly media: Media; readonly method: 'action' | 'patch' }[] = [];
  for (const media of (await readSlots(context)).filter(isCd)) {
    const method = await methodOf(context, media);
    if (method !== 'none') candidates.push({ media, method });
  }
  if (candidates.length === 0) throw new BmcError('unsupported', `the BMC at ${context.client.target.origin} has no virtual CD that takes an image by URL`);
  const there = candidates.find(({ media }) => isInserted(media) && media.Image === url);
  if (there) return slotOf(there.media, true);
  const preferred = context.quirks.preferSlot;
  if (preferred) candidates.sort((a, b) => Number(preferred.test(b.media.path)) - Number(preferred.test(a.media.path)));
  let refusal: BmcError | undefined;
  for (const { media, method } of candidates) {
    if (isInserted(media) || media.Image) await ejectSlot(context, media, method);
    const answer = await insertInto(context, media, method, url);
    if (answer.status < 300) {
      await settleTask(context.client, answer, `inserting ${url}`);
      return await waitInserted(context, media.path, url);
    }
    refusal = answerError(answer, `inserting ${url} into ${media.path}`);
    // Slots that only a browser's console can use answer with these; the next may be another kind.
    if (answer.status !== 400 && answer.status !== 404 && answer.status !== 405) break;
  }
  throw refusal!;
}

async function insertInto(context: RedfishContext, media: Media, method: 'action' | 'patch', url: string): Promise<RedfishAnswer> {
  if (method === 'patch') return context.client.patch(media.path, { Image: url, Inserted: true, WriteProtected: true });
  const target = media.Actions?.[actionNames.insertMedia]?.target ?? `${media.path}/Actions/VirtualMedia.InsertMedia`;
  let body = firstBody(context, url);
  let answer = await context.client.attempt('POST', target, { json: body });
  for (let step = 0; step < 5 && answer.status >= 400 && answer.status < 500; step++) {
    const next = nextBody(body, answer, media, url);
    if (next === undefined) break;
    body = next;
    answer = await context.client.attempt('POST', target, { json: body });
  }
  return answer;
}

function firstBody(context: RedfishContext, url: string): InsertMediaRequest {
  return {
    Image: url,
    ...(context.quirks.insertBody === 'full' ? { Inserted: true, WriteProtected: true } : {}),
    ...(context.quirks.insertNeedsCredentials ? { UserName: 'none', Password: 'none' } : {}),
  };
}

/**
 * The next body to try after a refusal, by what the refusal names; undefined when there is nothing left to change.
 * Exported for its table of tests.
 */
export function nextBody(body: InsertMediaRequest, answer: RedfishAnswer, media: Pick<VirtualMedia, 'MediaTypes'>, url: string): InsertMediaRequest | undefined {
  const said = `${answerText(answer)} ${JSON.stringify(answer.body ?? '')}`;
  const names = (word: string) => new RegExp(`\\b${word}\\b`).test(said);
  if (names('TransferProtocolType') && body.TransferProtocolType === undefined) return { ...body, TransferProtocolType: url.startsWith('https:') ? 'HTTPS' : 'HTTP' };
  if (names('TransferMethod') && body.TransferMethod === undefined) return { ...body, TransferMethod: 'Stream' };
  if ((names('UserName') || names('Password')) && body.UserName === undefined) return { ...body, UserName: 'none', Password: 'none' };
  if (names('MediaType') && body.MediaType === undefined) return { ...body, MediaType: media.MediaTypes?.includes('CD') ? 'CD' : 'DVD' };
  const { Inserted, WriteProtected, ...rest } = body;
  if ((Inserted !== undefined || WriteProtected !== undefined) && answer.status === 400) return rest;
  if (body.TransferProtocolType === undefined && answer.status === 400) return { ...body, TransferProtocolType: url.startsWith('https:') ? 'HTTPS' : 'HTTP' };
  return undefined;
}

async function waitInserted(context: RedfishContext, path: string, url: string): Promise<MediaSlot> {
  const { clock } = context.client.env;
  for (let attempt = 1; ; attempt++) {
    const media: Media = { ...(await context.client.get<VirtualMedia>(path)), path };
    if (isInserted(media)) {
      if (media.Image && media.Image !== url && baseName(media.Image) !== baseName(url)) throw new BmcError('rejected', `${path} holds ${media.Image} after ${url} was inserted`);
      return slotOf(media, true);
    }
    if (attempt >= insertWait.tries) throw new BmcError('rejected', `${path} took ${url} but shows no medium after ${attempt} s; the BMC probably cannot reach that URL`);
    await clock.sleep(insertWait.delayMs, context.client.signal);
  }
}

function baseName(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}

/** Empties every CD slot that holds something. */
export async function ejectMedia(context: RedfishContext): Promise<void> {
  for (const media of (await readSlots(context)).filter(isCd)) {
    if (!isInserted(media)) continue;
    const method = await methodOf(context, media);
    if (method !== 'none') await ejectSlot(context, media, method);
  }
}

async function ejectSlot(context: RedfishContext, media: Media, method: 'action' | 'patch'): Promise<void> {
  const { client } = context;
  const doing = `ejecting ${media.path}`;
  const target = media.Actions?.[actionNames.ejectMedia]?.target;
  for (let attempt = 1; ; attempt++) {
    let answer = method === 'patch' || target === undefined ? await client.patch(media.path, { Image: null, Inserted: false }) : await client.attempt('POST', target);
    // iLO wants an object where others want nothing.
    if ((answer.status === 400 || answer.status === 415) && method === 'action' && target !== undefined) answer = await client.attempt('POST', target, { json: {} });
    if (answer.status < 300) {
      await settleTask(client, answer, doing);
      return;
    }
    const now = await client.find<VirtualMedia>(media.path);
    if (!now || !isInserted(now)) return;
    if (answer.status < 500 || attempt >= ejectAgain.tries) throw answerError(answer, doing);
    await client.env.clock.sleep(ejectAgain.delayMs, client.signal);
  }
}
