/** Redfish tasks: work that goes on after 202, and its monitor. */
import type { Env, HttpResponse } from '@keelson/std';
import { memberPath, odataTypes, taskMonitorsPath, tasksPath } from '@keelson/bmc/wire';
import { answer, extendedMessage, type Body, type MessageRef } from './answers.ts';

interface BmcTask {
  readonly id: string;
  readonly name: string;
  state: 'Running' | 'Completed' | 'Exception';
  failure: { readonly status: number; readonly message: MessageRef } | undefined;
}

const kept = 32;

export interface Tasks {
  /** Starts work that ends after `delayMs`; `run` answers why it failed, or nothing. */
  start(name: string, delayMs: number, run: () => { readonly status: number; readonly message: MessageRef } | undefined): HttpResponse;
  ids(): readonly string[];
  body(id: string): Body | undefined;
  /** The answer of a task monitor: 202 while it runs, then the outcome. */
  monitor(id: string): HttpResponse | undefined;
}

export function bmcTasks(env: Env): Tasks {
  const tasks = new Map<string, BmcTask>();
  let count = 0;
  const body = (id: string): Body | undefined => {
    const task = tasks.get(id);
    return task && {
      '@odata.id': memberPath(tasksPath, id),
      '@odata.type': odataTypes.task,
      Id: id,
      Name: task.name,
      TaskState: task.state,
      TaskStatus: task.state === 'Exception' ? 'Critical' : 'OK',
      PercentComplete: task.state === 'Running' ? 0 : 100,
      TaskMonitor: memberPath(taskMonitorsPath, id),
      Messages: task.state === 'Running' ? [] : [extendedMessage(task.failure?.message ?? { id: 'Success' })],
    };
  };
  const running = (id: string) => answer(202, body(id), { location: memberPath(taskMonitorsPath, id), 'retry-after': '1' });
  return {
    start(name, delayMs, run) {
      const id = `JID_${String(++count).padStart(6, '0')}`;
      const task: BmcTask = { id, name, state: 'Running', failure: undefined };
      tasks.set(id, task);
      const oldest = tasks.keys().next().value;
      if (tasks.size > kept && oldest !== undefined) tasks.delete(oldest);
      env.clock.after(delayMs, () => {
        task.failure = run();
        task.state = task.failure ? 'Exception' : 'Completed';
      });
      return running(id);
    },
    ids: () => [...tasks.keys()],
    body,
    monitor(id) {
      const task = tasks.get(id);
      if (!task) return undefined;
      return task.state === 'Running' ? running(id) : answer(200, body(id));
    },
  };
}
