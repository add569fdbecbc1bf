import { createRequire } from 'node:module';
import { isNnrpError } from 'nnrp-core';
import { describe, expect, it } from 'vitest';
import { loadQuiche, quiche } from '../src/quiche/binding.js';

const INSTEAD = 'use TLS over TCP instead: NnrpServer.bindTls and NnrpClient.connectTls of nnrp-runtime';

/** What loading fails with; anything but a TransportError is a failure of the test. */
function failure(platform: string, require: (name: string) => unknown) {
  try {
    loadQuiche(platform, require);
  } catch (error) {
    if (isNnrpError(error, 'NNRP_ERR_TRANSPORT')) return error;
    throw error;
  }
  throw new Error('it has been loaded');
}

function throwing(message: string, code?: string): () => never {
  return () => {
    throw Object.assign(new Error(message), code === undefined ? {} : { code });
  };
}

describe('the QUIC library', () => {
  it('is the package of the platform, and nothing else is asked for', () => {
    for (const platform of ['darwin-arm64', 'darwin-x64', 'linux-x64', 'win32-x64']) {
      const asked: string[] = [];
      const loaded = {};
      expect(
        loadQuiche(platform, (name) => {
          asked.push(name);
          return loaded;
        }),
      ).toBe(loaded);
      expect(asked).toEqual([`@matrixai/quic-${platform}`]);
    }
  });

  it('is loaded once', () => {
    expect(quiche()).toBe(quiche());
    expect(quiche()).toHaveProperty('Config');
  });

  for (const platform of ['linux-arm64', 'win32-arm64', 'freebsd-x64', 'android-arm64', 'linux-ia32', '']) {
    it(`is not looked for on ${platform || 'no platform'}, and the message names those that have it and TLS`, () => {
      const { rawMessage } = failure(platform, throwing('it has been looked for'));
      const there = 'darwin-arm64, darwin-x64, linux-x64, win32-x64';
      expect(rawMessage).toBe(`QUIC: there is no prebuilt binary for ${platform}, only for ${there}; ${INSTEAD}`);
    });
  }

  it.each([
    [
      'ERR_DLOPEN_DISABLED',
      /may not load the binary of @matrixai\/quic-linux-x64: with --permission it needs --allow-addons/,
    ],
    ['ERR_ACCESS_DENIED', /may not read the binary .* with --permission it needs --allow-fs-read/],
  ])('says what a process without the permission needs, after %s', (code, message) => {
    const { rawMessage } = failure('linux-x64', throwing('Cannot load native addon', code));
    expect(rawMessage).toMatch(message);
    expect(rawMessage).not.toContain('glibc');
  });

  it('is missing where optional dependencies were left out, and the message says so', () => {
    const { rawMessage, cause } = failure('linux-x64', throwing('Cannot find module', 'MODULE_NOT_FOUND'));
    expect(rawMessage).toBe(
      'QUIC: the package @matrixai/quic-linux-x64 is not installed; it is an optional dependency, which npm leaves out ' +
        `with --omit=optional; ${INSTEAD}`,
    );
    expect(cause).toMatchObject({ code: 'MODULE_NOT_FOUND' });
  });

  it('is missing for real when it is not installed', () => {
    const elsewhere = createRequire('/nowhere/index.js');
    expect(failure('win32-x64', elsewhere).rawMessage).toMatch(/@matrixai\/quic-win32-x64 is not installed/);
  });

  it('does not load where the system library is too old, and the message says what it needs', () => {
    const why = "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found";
    expect(failure('linux-x64', throwing(why, 'ERR_DLOPEN_FAILED')).rawMessage).toBe(
      `QUIC: the binary of @matrixai/quic-linux-x64 does not load here (it needs glibc 2.34 or newer): ${why}; ${INSTEAD}`,
    );
  });

  it('does not load elsewhere for reasons of that platform', () => {
    expect(failure('darwin-x64', throwing('damaged', 'ERR_DLOPEN_FAILED')).rawMessage).toBe(
      `QUIC: the binary of @matrixai/quic-darwin-x64 does not load here: damaged; ${INSTEAD}`,
    );
  });
});
