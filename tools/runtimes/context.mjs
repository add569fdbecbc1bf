import vm from 'node:vm';

/** What a browser and a worker have besides the language, as far as a client can ask for it. */
const OF_BROWSERS = [
  'AbortController',
  'AbortSignal',
  'DOMException',
  'Event',
  'EventTarget',
  'MessageChannel',
  'ReadableStream',
  'Response',
  'TextDecoder',
  'TextEncoder',
  'URL',
  'URLSearchParams',
  'atob',
  'btoa',
  'clearInterval',
  'clearTimeout',
  'console',
  'crypto',
  'performance',
  'queueMicrotask',
  'setInterval',
  'setTimeout',
  'structuredClone',
];

/** What React Native 0.85 has of that, its URL left out, which is one of its own kind. */
const OF_REACT_NATIVE = [
  'AbortController',
  'AbortSignal',
  'TextDecoder',
  'TextEncoder',
  'clearInterval',
  'clearTimeout',
  'console',
  'performance',
  'queueMicrotask',
  'setInterval',
  'setTimeout',
];

/** Of the language, left out there: older versions of Hermes have not all of it, and a client needs none. */
const NOT_IN_HERMES = ['Atomics', 'FinalizationRegistry', 'SharedArrayBuffer', 'WeakRef'];

/**
 * Runs a script where nothing of Node.js is, and calls the `main` that it leaves.
 *
 * @param place - browser, worker or react-native
 * @param WebSocket - the class that stands for the platform's
 */
export async function callMain(place, code, WebSocket, url) {
  const context = vm.createContext({});
  const isNative = place === 'react-native';
  for (const name of isNative ? OF_REACT_NATIVE : OF_BROWSERS) context[name] = globalThis[name];
  for (const name of isNative ? NOT_IN_HERMES : []) vm.runInContext(`delete globalThis.${name}`, context);
  context.WebSocket = isNative ? withoutBufferedAmount(WebSocket) : WebSocket;
  context[place === 'worker' ? 'self' : 'window'] = context;
  vm.runInContext(code, context);
  return context.main(url);
}

/** React Native declares it and never sets it. */
function withoutBufferedAmount(WebSocket) {
  return class extends WebSocket {
    get bufferedAmount() {
      return undefined;
    }
  };
}
