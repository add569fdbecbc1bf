import type { Revision } from 'nnrp-core';
import type { LoggedPacket } from '../../connection/recovery/logged-packet.js';
import { KeptFlow } from './kept-flow.js';
import type { AskedOpen, LiveLink } from './live-link.js';

/**
 * What the connection itself has said and still means, or has not been able to say: the next link has to hear it, since it
 * knows nothing of the one before.
 */
export class ConnectionWords {
  readonly flow = new KeptFlow();
  /** SESSION_OPENs without an answer, in order. */
  private opens: AskedOpen[] = [];
  private hello: LoggedPacket | undefined;
  private isHelloAnswered = false;
  private revision: Revision | undefined;
  /** Links whose server has to answer a hello that was answered before. */
  private readonly greeted = new WeakSet<LiveLink>();
  /** PINGs that have no PONG. */
  private pings = 0;
  /** PONGs to PINGs of links that are lost: sent on another one, they would confirm what is not so. */
  private stalePongs = 0;
  private others: LoggedPacket[] = [];

  /** What packets look like, once the connection has said so. */
  speaks(revision: Revision, link: LiveLink | undefined): void {
    this.revision = revision;
    link?.transport.speak?.(revision);
  }

  /** CLIENT_HELLO. */
  greets(hello: LoggedPacket): void {
    this.hello = hello;
    this.isHelloAnswered = false;
  }

  /** SERVER_HELLO_ACK. @returns whether it answers a hello that was answered before */
  helloAnswered(link: LiveLink): boolean {
    const isRepeated = this.greeted.delete(link);
    this.isHelloAnswered = true;
    return isRepeated;
  }

  asks(open: AskedOpen): void {
    this.opens.push(open);
  }

  pingWaits(): void {
    this.pings++;
  }

  /** @returns whether the PONG must not be sent */
  isStalePong(): boolean {
    if (this.stalePongs === 0) return false;
    this.stalePongs--;
    return true;
  }

  waits(packet: LoggedPacket): void {
    this.others.push(packet);
  }

  /** A link is lost: what was not answered there is asked again. */
  takeBack(link: LiveLink): void {
    const ownOpens = [...link.opens].filter(({ resumes }) => resumes === undefined);
    this.opens = [...ownOpens, ...this.opens];
    this.pings += link.pingsOfConnection;
    this.stalePongs += link.unansweredPings;
  }

  /** First of all on a new link. */
  greet(link: LiveLink): void {
    if (this.revision !== undefined) link.transport.speak?.(this.revision);
    if (this.hello === undefined) return;
    if (this.isHelloAnswered) this.greeted.add(link);
    link.question(this.hello);
  }

  /** Behind the requests that resume sessions. */
  askOn(link: LiveLink): void {
    for (const open of this.opens.splice(0)) link.ask(open);
  }

  /** When sessions go on. */
  sayOn(link: LiveLink): void {
    for (const packet of this.flow.packets()) link.send(packet);
    for (; this.pings > 0; this.pings--) link.sendPing();
    this.flush(link);
  }

  /** What the connection has to say in any case, before its end. */
  flush(link: LiveLink): void {
    for (const packet of this.others.splice(0)) link.send(packet);
  }
}
