import { Option } from 'commander';

/** `--no-alpn` of commands that connect or listen. */
export function alpnOption(): Option {
  return new Option(
    '--no-alpn',
    'QUIC without ALPN, which programs of other libraries know nothing of; both ends need it',
  );
}
