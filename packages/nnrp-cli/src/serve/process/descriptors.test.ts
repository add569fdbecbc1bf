import { describe, expect, it } from 'vitest';
import { connectionsWithin, limitsOfProcess } from './descriptors.js';

const limits = (files: string) => `Limit                     Soft Limit           Hard Limit           Units
Max processes             7000                 7000                 processes
Max open files            ${files.padEnd(20)} 20000                files
Max locked memory         65536                65536                bytes
`;

describe('the connections that a server takes by default', () => {
  it.each([
    ['1024', { maxConnections: 768 }],
    ['4096', { maxConnections: 3840 }],
    ['100', { maxConnections: 50 }],
    ['1', { maxConnections: 1 }],
    ['10255', { maxConnections: 9999 }],
    ['10256', {}],
    ['1048576', {}],
    ['unlimited', {}],
  ])('of %s descriptors leave some for all else', (files, connections) => {
    expect(connectionsWithin(limits(files))).toEqual(connections);
  });

  it('are those that the server of another protocol takes by default, where that is fewer', () => {
    expect(connectionsWithin(limits('1024'), 4096)).toEqual({ maxConnections: 768 });
    expect(connectionsWithin(limits('4352'), 4096)).toEqual({});
  });

  it('are as many as ever where nothing says how many descriptors there are', () => {
    expect([connectionsWithin(undefined), connectionsWithin('')]).toEqual([{}, {}]);
    expect(limitsOfProcess() ?? 'Max open files').toContain('Max open files');
  });
});
