import { SeldomWarning } from '../warn.js';

/**
 * A subscriber for a channel of node:diagnostics_channel. Node.js makes an uncaught exception of what one throws, and any other
 * subscriber may have changed the message before: that is no reason for a process to end.
 *
 * @param text - what is said then, with the error
 */
export function subscriber<Message>(
  text: string,
  listen: (message: Message) => void,
  failed: SeldomWarning = new SeldomWarning(),
): (message: unknown) => void {
  return (message) => {
    try {
      listen(message as Message);
    } catch (error) {
      failed.say(text, error);
    }
  };
}
