/** A number of pods, given as a number or as a percentage of `total` (intstr.GetScaledValueFromIntOrPercent). */
export function scaledValue(value: number | string | undefined, total: number, round: 'up' | 'down', otherwise: number | string): number {
  const wanted = value ?? otherwise;
  if (typeof wanted === 'number') return wanted;
  const percent = /^(\d+)%$/.exec(wanted);
  if (!percent) throw new Error(`${JSON.stringify(wanted)} is neither a number nor a percentage`);
  const exact = (Number(percent[1]) * total) / 100;
  return round === 'up' ? Math.ceil(exact) : Math.floor(exact);
}
