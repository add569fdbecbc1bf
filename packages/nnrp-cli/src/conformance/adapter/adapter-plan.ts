import { isJsonObject, type JsonObject } from '../../json/json-object.js';
import { listMember, requireProtocol, textMember } from '../json-file.js';
import { PROTOCOL_VERSION } from '../protocol.js';

/** A case that a plan asks for. */
export interface PlannedCase {
  readonly id: string;
  readonly parameters: JsonObject;
}

/** What an adapter is to do. */
export interface AdapterPlan {
  readonly implementationName: string;
  readonly cases: readonly PlannedCase[];
}

/** Reads a plan. @param where - names it in errors @throws SuiteFileError */
export function readAdapterPlan(plan: JsonObject, where: string): AdapterPlan {
  requireProtocol(plan, PROTOCOL_VERSION, where);
  const implementationName = textMember(plan, 'implementation_name', where);
  const cases = listMember(plan, 'cases', where).map((planned, index) => {
    const place = `${where}: case ${index + 1}`;
    const parameters = planned['parameters'] ?? {};
    return { id: textMember(planned, 'id', place), parameters: isJsonObject(parameters) ? parameters : { parameters } };
  });
  return { implementationName, cases };
}
