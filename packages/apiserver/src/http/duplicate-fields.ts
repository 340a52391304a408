/**
 * Fields that stand twice in one object of a JSON text, as `duplicate field "spec.x"` in the order they are met
 * (sigs.k8s.io/json's strict errors). The text must be valid JSON.
 */
export function duplicateFields(text: string): string[] {
  const found: string[] = [];
  const scan: Scan = { text, at: 0 };
  scanValue(scan, '', found);
  return found;
}

interface Scan {
  readonly text: string;
  at: number;
}

function skipSpace(scan: Scan): void {
  while (scan.at < scan.text.length && scan.text.charCodeAt(scan.at) <= 0x20) scan.at++;
}

function scanValue(scan: Scan, path: string, found: string[]): void {
  skipSpace(scan);
  const char = scan.text[scan.at];
  if (char === '{') scanObject(scan, path, found);
  else if (char === '[') scanList(scan, path, found);
  else if (char === '"') scanString(scan);
  else while (scan.at < scan.text.length && !',]} \n\r\t'.includes(scan.text[scan.at]!)) scan.at++;
}

function scanObject(scan: Scan, path: string, found: string[]): void {
  const seen = new Set<string>();
  scan.at++;
  for (skipSpace(scan); scan.text[scan.at] !== '}'; skipSpace(scan)) {
    const name = scanString(scan);
    const at = path === '' ? name : `${path}.${name}`;
    if (seen.has(name)) found.push(`duplicate field ${JSON.stringify(at)}`);
    seen.add(name);
    skipSpace(scan);
    scan.at++; // the colon
    scanValue(scan, at, found);
    skipSpace(scan);
    if (scan.text[scan.at] === ',') scan.at++;
  }
  scan.at++;
}

function scanList(scan: Scan, path: string, found: string[]): void {
  scan.at++;
  skipSpace(scan);
  for (let index = 0; scan.text[scan.at] !== ']'; index++) {
    scanValue(scan, `${path}[${index}]`, found);
    skipSpace(scan);
    if (scan.text[scan.at] === ',') scan.at++;
    skipSpace(scan);
  }
  scan.at++;
}

function scanString(scan: Scan): string {
  const start = scan.at;
  let plain = true;
  for (scan.at++; scan.text[scan.at] !== '"'; scan.at++) {
    if (scan.text[scan.at] === '\\') {
      plain = false;
      scan.at++;
    }
  }
  scan.at++;
  return plain ? scan.text.slice(start + 1, scan.at - 1) : String(JSON.parse(scan.text.slice(start, scan.at)));
}
