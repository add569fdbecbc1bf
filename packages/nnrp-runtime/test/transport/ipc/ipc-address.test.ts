import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addressGroup } from '../../../src/transport/address/address-group.js';
import { parseIpcAddress } from '../../../src/transport/ipc/ipc-address.js';

describe('the address of a socket', () => {
  it.each([
    ['/run/nnrp.sock', 'file', '/run/nnrp.sock', 'unix:/run/nnrp.sock'],
    ['unix:/run/nnrp.sock', 'file', '/run/nnrp.sock', 'unix:/run/nnrp.sock'],
    ['UNIX:/run/nnrp.sock', 'file', '/run/nnrp.sock', 'unix:/run/nnrp.sock'],
    ['unix:///run/nnrp.sock', 'file', '/run/nnrp.sock', 'unix:/run/nnrp.sock'],
    ['/run/./a/../nnrp.sock', 'file', '/run/nnrp.sock', 'unix:/run/nnrp.sock'],
    ['nnrp.sock', 'file', resolve('nnrp.sock'), `unix:${resolve('nnrp.sock')}`],
    ['unix:./@file', 'file', resolve('@file'), `unix:${resolve('@file')}`],
    ['/run/100%25.sock?a#b', 'file', '/run/100%25.sock?a#b', 'unix:/run/100%2525.sock%3Fa%23b'],
    ['unix:/run/100%25%20a%c3%a9.sock', 'file', '/run/100% aé.sock', 'unix:/run/100%25%20aé.sock'],
    ['/run/a\nb', 'file', '/run/a\nb', 'unix:/run/a%0Ab'],
    ['@nnrp', 'abstract', '\0nnrp', 'unix:@nnrp'],
    ['\0nnrp', 'abstract', '\0nnrp', 'unix:@nnrp'],
    ['unix:@nnrp/a', 'abstract', '\0nnrp/a', 'unix:@nnrp/a'],
    ['@50%?', 'abstract', '\x0050%?', 'unix:@50%25%3F'],
  ])('%j is %s', (given, kind, path, text) => {
    const address = parseIpcAddress(given, 'linux');
    expect(address).toEqual({ kind, path, text });
    expect(parseIpcAddress(address.text, 'linux')).toEqual(address);
  });

  it.each([
    ['\\\\.\\pipe\\nnrp', '\\\\.\\pipe\\nnrp', 'npipe://nnrp'],
    ['\\\\?\\pipe\\nnrp', '\\\\.\\pipe\\nnrp', 'npipe://nnrp'],
    ['//./pipe/nnrp', '\\\\.\\pipe\\nnrp', 'npipe://nnrp'],
    ['npipe://nnrp', '\\\\.\\pipe\\nnrp', 'npipe://nnrp'],
    ['npipe:////./pipe/nnrp', '\\\\.\\pipe\\nnrp', 'npipe://nnrp'],
    ['NPIPE://a/b', '\\\\.\\pipe\\a\\b', 'npipe://a/b'],
    ['\\\\.\\pipe\\a b%', '\\\\.\\pipe\\a b%', 'npipe://a%20b%25'],
  ])('%s is a pipe of Windows', (given, path, text) => {
    const address = parseIpcAddress(given, 'win32');
    expect(address).toEqual({ kind: 'pipe', path, text });
    expect(parseIpcAddress(text, 'win32')).toEqual(address);
  });

  it.each<[unknown, NodeJS.Platform, RegExp]>([
    ['', 'linux', /expected the path of a socket such as \/run\/nnrp\.sock, with or without unix: in front, got ''/],
    ['unix:', 'linux', /expected the path of a socket .*, got 'unix:'/],
    [4433, 'linux', /expected the path of a socket .*, got 4433/],
    [undefined, 'linux', /got undefined/],
    [
      'unix://host/path',
      'linux',
      /expected unix:\/path or unix:\/\/\/path: a socket has no host, got 'unix:\/\/host…'/,
    ],
    ['unix:/run/nnrp.sock?mode=0660', 'linux', /expected no query and no fragment: in a path, \? is written %3F/],
    ['unix:/run/nnrp.sock#1', 'linux', /in a path, # is written %23/],
    ['unix:/run/100%.sock', 'linux', /expected two hexadecimal digits behind each %, .*, got 'unix:\/run\/100%\.sock'/],
    ['unix:/run/%ff', 'linux', /of UTF-8/],
    ['unix:/run/nn%00rp', 'linux', /without a NUL character/],
    ['npipe://nnrp?a', 'win32', /expected no query and no fragment/],
    ['/run/nn\0rp', 'linux', /without a NUL character/],
    ['/run/', 'linux', /does not end with a slash, got '\/run\/'/],
    ['@', 'linux', /expected a name behind the @/],
    ['@a\0b', 'linux', /expected a name behind the @/],
    ['@nnrp', 'darwin', /abstract sockets are there on Linux only/],
    ['npipe://nnrp', 'linux', /named pipes are there on Windows only.*got 'npipe:\/\/nnrp'/],
    ['\\\\.\\pipe\\nnrp', 'darwin', /named pipes are there on Windows only/],
    ['/run/nnrp.sock', 'win32', /expected a named pipe such as \\\\\.\\pipe\\nnrp: Node has no Unix domain sockets/],
    ['unix:/run/nnrp.sock', 'win32', /expected a named pipe/],
    ['@nnrp', 'win32', /expected a named pipe/],
    ['npipe://', 'win32', /expected the name of a pipe/],
    ['npipe:nnrp', 'win32', /expected a named pipe such as npipe:\/\/nnrp/],
    [`npipe://${'a'.repeat(248)}`, 'win32', /at most 256 characters/],
  ])('%j is refused on %s', (given, platform, why) => {
    expect(() => parseIpcAddress(given as string, platform)).toThrow(why);
  });

  it.each<[NodeJS.Platform, number]>([
    ['linux', 107],
    ['darwin', 103],
    ['freebsd', 103],
  ])('has as many bytes as %s keeps, at most', (platform, most) => {
    const path = `/${'é'.repeat(10)}${'a'.repeat(most - 21)}`;
    expect(parseIpcAddress(path, platform).path).toBe(path);
    const why = `address: the system takes at most ${most} bytes for the name of a socket, these are ${most + 1}, got '/é`;
    expect(() => parseIpcAddress(`${path}a`, platform)).toThrow(why);
  });

  it('has as many bytes as Linux keeps of a name without a file', () => {
    expect(parseIpcAddress(`@${'a'.repeat(107)}`, 'linux').kind).toBe('abstract');
    expect(() => parseIpcAddress(`@${'a'.repeat(108)}`, 'linux')).toThrow(/at most 107 bytes.*these are 108/);
  });

  // All processes of a machine have the same one: a limit for each address would be a second limit for all.
  it.each(['unix:/run/nnrp.sock', 'unix:@127.0.0.1:80', 'unix:/run/127.0.0.1:80', 'npipe://::1:80'])(
    '%s is no address of a network',
    (address) => expect(addressGroup(address)).toBeUndefined(),
  );
});
