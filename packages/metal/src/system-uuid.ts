/** Two UUIDs of one machine: equal, or equal but for the byte order of the first three groups, in which SMBIOS and Redfish differ on some boards. */
export function sameUuid(a: string, b: string): boolean {
  const one = a.toLowerCase();
  const two = b.toLowerCase();
  return one !== '' && (one === two || swapUuid(one) === two);
}

function swapUuid(uuid: string): string {
  const groups = uuid.split('-');
  if (groups.length !== 5) return uuid;
  return groups.map((group, index) => (index < 3 ? (group.match(/../g) ?? []).reverse().join('') : group)).join('-');
}
