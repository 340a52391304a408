/**
 * Messages of the Base registry (DSP8011) and of vendors' registries that a client reacts to,
 * and the shape of an error body (DSP0266, "Error responses").
 */
export interface ExtendedMessage {
  readonly MessageId?: string;
  readonly Message?: string;
  readonly MessageArgs?: readonly string[];
  readonly Severity?: string;
  readonly MessageSeverity?: string;
  readonly Resolution?: string;
  readonly RelatedProperties?: readonly string[];
}

export interface ErrorBody {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly '@Message.ExtendedInfo'?: readonly ExtendedMessage[];
  };
}

/** Message keys: a MessageId is `<registry>.<major>.<minor>[.<patch>].<key>`, and vendors differ in the version. */
export const messageKeys = {
  success: 'Success',
  generalError: 'GeneralError',
  created: 'Created',
  noValidSession: 'NoValidSession',
  insufficientPrivilege: 'InsufficientPrivilege',
  resourceNotFound: 'ResourceMissingAtURI',
  actionNotSupported: 'ActionNotSupported',
  actionParameterUnknown: 'ActionParameterUnknown',
  actionParameterMissing: 'ActionParameterMissing',
  actionParameterValueNotInList: 'ActionParameterValueNotInList',
  actionParameterValueConflict: 'ActionParameterValueConflict',
  actionParameterNotSupported: 'ActionParameterNotSupported',
  propertyUnknown: 'PropertyUnknown',
  propertyNotWritable: 'PropertyNotWritable',
  propertyValueNotInList: 'PropertyValueNotInList',
  propertyMissing: 'PropertyMissing',
  malformedJson: 'MalformedJSON',
  preconditionFailed: 'PreconditionFailed',
  preconditionRequired: 'PreconditionRequired',
  resourceInUse: 'ResourceInUse',
  resourceCannotBeDeleted: 'ResourceCannotBeDeleted',
  serviceTemporarilyUnavailable: 'ServiceTemporarilyUnavailable',
  serviceInUnknownState: 'ServiceInUnknownState',
  sessionLimitExceeded: 'SessionLimitExceeded',
  createLimitReachedForResource: 'CreateLimitReachedForResource',
  licenseRequired: 'LicenseRequired',
} as const;

/** Vendors' messages, by the end of their MessageId. */
export const vendorMessageKeys = {
  /** iDRAC: the lifecycle controller is not ready. */
  dellNotReady: 'SYS518',
  /** iDRAC: too many sessions. */
  dellSessionLimit: 'RAC0218',
  /** iLO: the host is in power-on self-test. */
  hpePost: 'UnableToModifyDuringSystemPOST',
  hpeSystemState: 'InvalidOperationForSystemState',
  /** Supermicro: the feature wants a licence key. */
  supermicroLicense: 'OemLicenseNotPassed',
  /** AMI MegaRAC: If-Match was not sent. */
  amiPrecondition: 'PreconditionHeaderMissing',
  /** AMI MegaRAC: the property is changed through the future-state resource (`SD`). */
  amiFutureState: 'OperationSupportedInFutureStateURI',
} as const;

/** A MessageId as a service of the Base registry 1.18 writes it. */
export function baseMessageId(key: string): string {
  return `Base.1.18.${key}`;
}

/** The last part of a MessageId: `Base.1.8.1.NoValidSession` → `NoValidSession`. */
export function messageKey(messageId: string): string {
  return messageId.slice(messageId.lastIndexOf('.') + 1);
}
