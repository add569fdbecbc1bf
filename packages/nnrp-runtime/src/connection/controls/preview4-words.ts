import type * as preview3 from 'nnrp-core/preview3';
import {
  ControlRequestFlags,
  DropReasonCode,
  decodeBody,
  decodePartialResult,
  decodeRecoveryTicket,
  decodeResultDropReason,
  encodeCapabilityTokens,
  encodeRecoveryTicket,
  FRAME_SUBMIT_BYTES,
  ObjectReleaseFlags,
  PressureFlags,
  PressureLevel,
  ReasonCode,
  ResultDropReasonFlags,
  SchedulingFlags,
  SupersedeFlags,
  unknownCapabilityToken,
} from 'nnrp-core/preview4';
import { CONTROL_REQUEST, encodeSubmit, submitHead } from '../revision/codecs-preview4.js';
import { LENIENT_PREVIEW4_DIALECT, PREVIEW4_DIALECT } from '../revision/dialect-preview4.js';
import { CACHE_CODECS } from './cache-codecs.js';
import { operationOf, readControl } from './control-events.js';
import * as kinds from './control-kinds.js';
import { noteObject } from './note-object.js';
import * as objects from './object-kinds.js';

/** What a client needs to speak preview4. It is half of the codecs, so that `loaded-preview4` alone gets at it. */
export const PREVIEW4_WORDS = {
  dialect: PREVIEW4_DIALECT,
  lenientDialect: LENIENT_PREVIEW4_DIALECT,
  kinds,
  objects,
  readControl,
  operationOf,
  noteObject,
  controlRequest: CONTROL_REQUEST,
  encodeSubmit,
  submitHead,
  submitBytes: FRAME_SUBMIT_BYTES,
  cache: CACHE_CODECS,
  /** Descriptors with a kind of their own stand where preview3 has wider flags. */
  decodeBody: decodeBody as unknown as typeof preview3.decodeBody,
  decodePartialResult,
  decodeResultDropReason,
  decodeRecoveryTicket,
  encodeRecoveryTicket,
  encodeCapabilityTokens,
  unknownCapabilityToken,
  ControlRequestFlags,
  DropReasonCode,
  ObjectReleaseFlags,
  PressureFlags,
  PressureLevel,
  ReasonCode,
  ResultDropReasonFlags,
  SchedulingFlags,
  SupersedeFlags,
};

export type Preview4Words = typeof PREVIEW4_WORDS;
