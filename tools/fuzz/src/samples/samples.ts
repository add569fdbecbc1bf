import type { MessageInfo } from 'nnrp-core';
import type * as preview4 from 'nnrp-core/preview4';
import type { Dice } from './dice.js';

export const NOTHING = new Uint8Array(0);

export type Revision = 'preview3' | 'preview4';
export type Fields = Readonly<Record<string, number | bigint>>;

/** What a packet of a conversation is about. */
export interface Subject {
  readonly sessionId: number;
  readonly frameId: number;
}

/** What a packet says. */
export interface Content {
  readonly fields?: Fields;
  readonly body?: Uint8Array;
  readonly sessionId?: number;
  readonly frameId?: number;
  readonly traceId?: bigint;
}

/** What the samples of each message say; a message without a row is blank. */
export type Contents = Readonly<Record<string, (dice: Dice, subject: Subject, wanted: Fields) => Content>>;

/** A structure of the table that is generated. */
interface Struct {
  readonly fields: readonly {
    readonly name: string;
    readonly property: string;
    readonly type: FieldType;
    readonly offset: number;
  }[];
  encode(value: Readonly<Record<string, number | bigint>>, view: DataView, at?: number): void;
}

export type FieldType = 'u8' | 'u16' | 'u32' | 'u64' | 'i16';

/** Valid packets of a revision. */
export class Samples {
  /** Every message by its name on the wire. */
  readonly names: readonly string[];
  private readonly byName: ReadonlyMap<string, MessageInfo>;

  constructor(
    readonly revision: Revision,
    readonly messages: readonly MessageInfo[],
    readonly structs: Readonly<Record<string, Struct>>,
    private readonly contents: Contents,
    private readonly build: typeof preview4.buildPacket,
  ) {
    this.names = messages.map(({ name }) => name);
    this.byName = new Map(messages.map((info) => [info.name, info]));
  }

  /** @throws Error when there is no such message */
  named(name: string): MessageInfo {
    const info = this.byName.get(name);
    if (info === undefined) throw new Error(`there is no message ${name}`);
    return info;
  }

  /** One valid packet of a message. @param fields - in place of those of the sample, as `body` is */
  of(name: string, subject: Subject, dice: Dice, fields: Fields = {}, body?: Uint8Array): Uint8Array {
    const info = this.named(name);
    const content = this.contents[name]?.(dice, subject, fields) ?? {};
    const metadata = new Uint8Array(info.metadataBytes);
    const struct = info.metadata === undefined ? undefined : this.structs[info.metadata];
    if (struct !== undefined) {
      const blank = Object.fromEntries(struct.fields.map(({ property, type }) => [property, type === 'u64' ? 0n : 0]));
      struct.encode({ ...blank, ...content.fields, ...fields }, new DataView(metadata.buffer));
    }
    const sessionId = info.sessionId === 'zero' ? 0 : (content.sessionId ?? subject.sessionId);
    const frameId = info.frameId === 'zero' ? 0 : (content.frameId ?? subject.frameId);
    const [head, tail] = this.build(
      {
        messageType: info.code as preview4.MessageType,
        sessionId,
        frameId,
        traceId: content.traceId ?? BigInt(dice.below(3)),
      },
      metadata,
      body ?? content.body ?? NOTHING,
    );
    return new Uint8Array(Buffer.concat([head, tail]));
  }

  /** SESSION_OPEN of this id; with an announcement by chance. */
  open(sessionId: number, dice: Dice, fields: Fields = {}): Uint8Array {
    return this.of('SESSION_OPEN', { sessionId, frameId: 0 }, dice, { requestedSessionId: sessionId, ...fields });
  }
}
