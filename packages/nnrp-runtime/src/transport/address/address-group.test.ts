import { describe, expect, it } from 'vitest';
import { addressGroup } from './address-group.js';

describe('whose an address is', () => {
  it.each([
    ['127.0.0.1:4433', '127.0.0.1'],
    ['[::ffff:10.1.2.3]:80', '10.1.2.3'],
    ['[::1]:80', '0:0:0:0::/64'],
    ['[2001:db8::1]:80', '2001:db8:0:0::/64'],
    ['[2001:db8:0:0:1:2:3:4]:80', '2001:db8:0:0::/64'],
    ['[2001:DB8:5:6:7::]:80', '2001:db8:5:6::/64'],
    ['[fe80::1%eth0]:80', 'fe80:0:0:0::/64'],
    ['[1:2:3:4:5:6:7:8]:80', '1:2:3:4::/64'],
    ['[64:ff9b::192.0.2.1]:80', '64:ff9b:0:0::/64'],
  ])('%s belongs to %s', (address, group) => expect(addressGroup(address)).toBe(group));

  it.each(['memory', 'memory-1:2', 'a peer without an address', 'localhost:80', '', ':', '[]:1'])(
    '%s belongs to nobody',
    (address) => expect(addressGroup(address)).toBeUndefined(),
  );
});
