import type { KubeObject } from '../object.ts';
import { isRecord } from '../schema/schema.ts';

export interface StatusCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** Reads fields of an object that somebody else wrote: what is absent or of another type is the default. */
export class StatusReader {
  readonly #object: KubeObject;

  constructor(object: KubeObject) {
    this.#object = object;
  }

  get kind(): string {
    return this.#object.kind;
  }

  /** The value at a dotted path. */
  at(path: string): unknown {
    return path.split('.').reduce<unknown>((value, name) => (isRecord(value) ? value[name] : undefined), this.#object);
  }

  optionalNumber(path: string): number | undefined {
    const value = this.at(path);
    return typeof value === 'number' && Number.isInteger(value) ? value : undefined;
  }

  number(path: string, otherwise: number): number {
    return this.optionalNumber(path) ?? otherwise;
  }

  text(path: string, otherwise: string): string {
    const value = this.at(path);
    return typeof value === 'string' ? value : otherwise;
  }

  flag(path: string): boolean {
    return this.at(path) === true;
  }

  conditions(): StatusCondition[] {
    const list = this.at('status.conditions');
    if (!Array.isArray(list)) return [];
    return list.filter(isRecord).map((condition) => ({
      type: textOf(condition['type']),
      status: textOf(condition['status']),
      reason: textOf(condition['reason']),
      message: textOf(condition['message']),
    }));
  }

  /** The condition of a type, when it has this status. */
  condition(type: string, status: string): StatusCondition | undefined {
    return this.conditions().find((condition) => condition.type === type && condition.status === status);
  }

  /** Names of containers that wait for the reason given. */
  containersWaiting(reason: string): string[] {
    const list = this.at('status.containerStatuses');
    if (!Array.isArray(list)) return [];
    return list.filter(isRecord).flatMap((container) => {
      const state = container['state'];
      const waiting = isRecord(state) ? state['waiting'] : undefined;
      return isRecord(waiting) && waiting['reason'] === reason ? [textOf(container['name'])] : [];
    });
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
