/** Asynchronous operations (DSP0266 "Asynchronous operations"): 202 with a task monitor, polled on the clock. */
import { BmcError } from '../driver.ts';
import { finalTaskStates, headerNames, type Task, type TaskStateValue } from '../wire/index.ts';
import { answerError, answerText, asRecord, retryAfterMs, type RedfishAnswer } from './answer-error.ts';
import type { RedfishClient } from './client.ts';

/** How long an operation may take before its caller looks again instead. */
export const taskLimits = { waitMs: 60_000, pollMs: 1_000, pollMaxMs: 10_000 } as const;

/**
 * Waits until an accepted operation has ended. An answer other than 202 is passed through.
 * Throws `rejected` when the task failed, `busy` when it still runs after the limit.
 */
export async function settleTask(client: RedfishClient, accepted: RedfishAnswer, doing: string): Promise<RedfishAnswer> {
  if (accepted.status !== 202) return accepted;
  const monitor = client.locationOf(accepted) ?? taskPath(accepted.body);
  // Accepted without a way to follow it: the caller observes the result.
  if (monitor === undefined) return accepted;
  const { clock } = client.env;
  const deadline = clock.now() + taskLimits.waitMs;
  let answer = accepted;
  while (clock.now() < deadline) {
    await clock.sleep(Math.min(retryAfterMs(answer) ?? taskLimits.pollMs, taskLimits.pollMaxMs), client.signal);
    answer = await client.attempt('GET', monitor);
    // A monitor is gone once its result was delivered or dropped.
    if (answer.status === 404 || answer.status === 410) return { status: 204, headers: {}, body: undefined };
    if (answer.status >= 400) throw answerError(answer, doing);
    const state = taskState(answer.body);
    const outcome = state === undefined ? undefined : finalTaskStates[state];
    if (outcome === 'failed') throw new BmcError('rejected', `${doing}: the task ended as ${state}: ${answerText(answer)}`, { status: answer.status });
    if (outcome === 'done' || (state === undefined && answer.status !== 202)) return answer;
  }
  throw new BmcError('busy', `${doing}: the BMC still works on it (${monitor})`, { retryAfterMs: taskLimits.pollMaxMs });
}

function taskPath(body: unknown): string | undefined {
  const task = asRecord(body) as Task | undefined; // every property is checked below
  if (typeof task?.TaskMonitor === 'string') return task.TaskMonitor;
  return typeof task?.TaskState === 'string' && typeof task['@odata.id'] === 'string' ? task['@odata.id'] : undefined;
}

function taskState(body: unknown): TaskStateValue | undefined {
  const state = asRecord(body)?.['TaskState'];
  return typeof state === 'string' ? (state as TaskStateValue) : undefined; // an unknown state is looked up and found not final
}

/** The methods a resource allows, from the Allow header; empty when it does not tell. */
export function allowedMethods(answer: RedfishAnswer): readonly string[] {
  return (answer.headers[headerNames.allow] ?? '').split(',').map((method) => method.trim().toUpperCase()).filter((method) => method !== '');
}
