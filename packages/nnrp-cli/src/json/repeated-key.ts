import { endOfJsonText, printable } from 'nnrp-core';

/** As much of a key as messages show. */
const MAX_KEY_BYTES = 100;

/** An object or a list that has not ended. */
interface Open {
  /** Of an object, as they are read; undefined of a list. */
  readonly keys: Set<string> | undefined;
  /** Of the member that is being read. */
  key: string | number;
}

/**
 * Where a key stands that its object has already, such as `transports.ws.tls`; undefined where there is none. JSON.parse takes
 * the last of them, and says nothing.
 *
 * @param json - that JSON.parse takes
 */
export function repeatedKey(json: string): string | undefined {
  const path: Open[] = [];
  let isKey = false;
  for (let at = 0; at < json.length; at++) {
    const open = path.at(-1);
    switch (json[at]) {
      case '{':
        path.push({ keys: new Set(), key: '' });
        isKey = true;
        break;
      case '[':
        path.push({ keys: undefined, key: 0 });
        isKey = false;
        break;
      case '}':
      case ']':
        path.pop();
        break;
      case ',':
        if (typeof open?.key === 'number') open.key++;
        isKey = open?.keys !== undefined;
        break;
      case '"': {
        const end = endOfJsonText(json, at);
        if (isKey && open?.keys !== undefined) {
          const key = JSON.parse(json.slice(at, end + 1)) as string;
          open.key = key;
          if (open.keys.has(key)) return shownPath(path);
          open.keys.add(key);
          isKey = false;
        }
        at = end;
        break;
      }
      default:
    }
  }
  return undefined;
}

function shownPath(path: readonly Open[]): string {
  return path
    .map(({ key }) => (typeof key === 'number' ? `[${key}]` : `.${printable(key, MAX_KEY_BYTES)}`))
    .join('')
    .replace(/^\./, '');
}
