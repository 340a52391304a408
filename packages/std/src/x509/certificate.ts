/**
 * X.509 certificates (RFC 5280), synchronously: ASN.1 from @peculiar/asn1-x509, signatures from node:crypto.
 * WebCrypto is asynchronous through a thread pool, which virtual time cannot wait for.
 */
import { createHash, createPrivateKey, createPublicKey, randomBytes, sign, verify, X509Certificate, type KeyObject } from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier, AttributeTypeAndValue, AttributeValue, AuthorityKeyIdentifier, BasicConstraints, Certificate, ExtendedKeyUsage, Extension,
  Extensions, GeneralName, id_ce_authorityKeyIdentifier, id_ce_basicConstraints, id_ce_extKeyUsage, id_ce_keyUsage,
  id_ce_subjectAltName, id_ce_subjectKeyIdentifier, id_kp_clientAuth, id_kp_serverAuth, KeyIdentifier, KeyUsage, KeyUsageFlags, Name,
  RelativeDistinguishedName, SubjectAlternativeName, SubjectKeyIdentifier, SubjectPublicKeyInfo, TBSCertificate, Validity, Version,
} from '@peculiar/asn1-x509';

export interface CertificateRequest {
  readonly subject: { readonly commonName?: string; readonly organizations?: readonly string[] };
  readonly publicKeyPem: string;
  /** Who signs. Absent: self-signed with `selfKeyPem`. */
  readonly issuer?: { readonly certificatePem: string; readonly privateKeyPem: string };
  readonly selfKeyPem?: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly ca?: boolean;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly usages?: readonly ('server' | 'client')[];
  /** Positive; 16 random bytes when absent. */
  readonly serial?: Uint8Array;
}

export interface CertificateInfo {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly issuerCommonName: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly isCa: boolean;
  readonly publicKeyPem: string;
  /** Lower-case hex SHA-256 of the DER. */
  readonly sha256Fingerprint: string;
  readonly serialHex: string;
  readonly der: Uint8Array;
}

/** Issues a certificate and answers it in PEM. The signature algorithm follows the signing key: Ed25519, ECDSA with SHA-256, or RSA with SHA-256. */
export function issueCertificate(request: CertificateRequest): string {
  const signingPem = request.issuer?.privateKeyPem ?? request.selfKeyPem;
  if (!signingPem) throw new Error('a certificate needs an issuer, or selfKeyPem to sign itself');
  const signingKey = createPrivateKey(signingPem);
  const algorithm = signatureAlgorithm(signingKey);
  const subject = distinguishedName(request.subject);
  const spki = createPublicKey(request.publicKeyPem).export({ format: 'der', type: 'spki' });
  const issuer = request.issuer ? AsnConvert.parse(derOf(request.issuer.certificatePem), Certificate) : undefined;
  const tbs = new TBSCertificate({
    version: Version.v3,
    serialNumber: toArrayBuffer(positiveSerial(request.serial ?? randomBytes(16))),
    signature: algorithm,
    issuer: issuer ? issuer.tbsCertificate.subject : subject,
    validity: new Validity({ notBefore: new Date(request.notBeforeMs), notAfter: new Date(request.notAfterMs) }),
    subject,
    subjectPublicKeyInfo: AsnConvert.parse(spki, SubjectPublicKeyInfo),
    extensions: new Extensions(extensionsFor(request, spki, issuer, createPublicKey(signingKey))),
  });
  const signature = sign(signingKey.asymmetricKeyType === 'ed25519' ? null : 'sha256', Buffer.from(AsnConvert.serialize(tbs)), signingKey);
  const certificate = new Certificate({ tbsCertificate: tbs, signatureAlgorithm: algorithm, signatureValue: toArrayBuffer(signature) });
  return pemOf('CERTIFICATE', Buffer.from(AsnConvert.serialize(certificate)));
}

function extensionsFor(request: CertificateRequest, spki: Uint8Array, issuer: Certificate | undefined, signer: KeyObject): Extension[] {
  const out: Extension[] = [];
  const add = (extnID: string, critical: boolean, value: object) =>
    out.push(new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) }));
  const usage = request.ca
    ? KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign
    : KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment;
  add(id_ce_keyUsage, true, new KeyUsage(usage));
  const usages = request.usages ?? (request.ca ? (['server', 'client'] as const) : []);
  if (usages.length > 0) add(id_ce_extKeyUsage, false, new ExtendedKeyUsage(usages.map((u) => (u === 'server' ? id_kp_serverAuth : id_kp_clientAuth))));
  add(id_ce_basicConstraints, true, new BasicConstraints(request.ca ? { cA: true } : {}));
  const ownId = keyId(spki);
  if (request.ca) add(id_ce_subjectKeyIdentifier, false, new SubjectKeyIdentifier(toArrayBuffer(ownId)));
  const authorityId = issuer ? (subjectKeyIdOf(issuer) ?? toArrayBuffer(keyId(signer.export({ format: 'der', type: 'spki' })))) : undefined;
  if (authorityId) add(id_ce_authorityKeyIdentifier, false, new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(authorityId) }));
  const names = [
    ...(request.dnsNames ?? []).map((dNSName) => new GeneralName({ dNSName })),
    ...(request.ipAddresses ?? []).map((iPAddress) => new GeneralName({ iPAddress })),
  ];
  if (names.length > 0) add(id_ce_subjectAltName, false, new SubjectAlternativeName(names));
  return out;
}

function subjectKeyIdOf(certificate: Certificate): ArrayBuffer | undefined {
  const extension = certificate.tbsCertificate.extensions?.find((e) => e.extnID === id_ce_subjectKeyIdentifier);
  return extension ? AsnConvert.parse(extension.extnValue, SubjectKeyIdentifier).buffer : undefined;
}

function keyId(spkiDer: Uint8Array): Uint8Array {
  return createHash('sha256').update(spkiDer).digest().subarray(0, 20);
}

const oidCommonName = '2.5.4.3';
const oidOrganization = '2.5.4.10';

function distinguishedName(subject: CertificateRequest['subject']): Name {
  const part = (type: string, text: string) =>
    new RelativeDistinguishedName([new AttributeTypeAndValue({ type, value: new AttributeValue({ utf8String: text }) })]);
  const parts = (subject.organizations ?? []).map((organization) => part(oidOrganization, organization));
  if (subject.commonName) parts.push(part(oidCommonName, subject.commonName));
  return new Name(parts);
}

function signatureAlgorithm(key: KeyObject): AlgorithmIdentifier {
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return new AlgorithmIdentifier({ algorithm: '1.3.101.112' });
    case 'ec':
      return new AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.2' });
    case 'rsa':
      return new AlgorithmIdentifier({ algorithm: '1.2.840.113549.1.1.11', parameters: new Uint8Array([5, 0]).buffer });
    default:
      throw new Error(`cannot sign a certificate with a ${key.asymmetricKeyType} key`);
  }
}

/** A DER INTEGER must not be negative, nor padded with more than one zero. */
function positiveSerial(bytes: Uint8Array): Uint8Array {
  const out = Uint8Array.from(bytes);
  out[0] = (out[0]! & 0x7f) | 0x01;
  return out;
}

const parsed = new Map<string, CertificateInfo>();
/** Answers of isIssuedBy: controllers ask the same of a cluster's secrets on each look, and the same bytes always have the same answer. */
const issued = new Map<string, boolean>();
const parsedLimit = 256;

/** Reads the first certificate of a PEM text. */
export function parseCertificate(pem: string): CertificateInfo {
  const known = parsed.get(pem);
  if (known) return known;
  const certificate = new X509Certificate(pem);
  const names = (certificate.subjectAltName ?? '').split(', ').filter((name) => name !== '');
  const subject = certificate.toLegacyObject().subject as { CN?: string; O?: string | string[] } | undefined;
  const issuer = certificate.toLegacyObject().issuer as { CN?: string } | undefined;
  const info: CertificateInfo = {
    commonName: subject?.CN ?? '',
    organizations: subject?.O === undefined ? [] : Array.isArray(subject.O) ? subject.O : [subject.O],
    issuerCommonName: issuer?.CN ?? '',
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
    dnsNames: names.filter((name) => name.startsWith('DNS:')).map((name) => name.slice(4)),
    ipAddresses: names.filter((name) => name.startsWith('IP Address:')).map((name) => name.slice(11)),
    isCa: certificate.ca,
    publicKeyPem: certificate.publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    sha256Fingerprint: createHash('sha256').update(certificate.raw).digest('hex'),
    serialHex: certificate.serialNumber.toLowerCase(),
    der: certificate.raw,
  };
  if (parsed.size >= parsedLimit) parsed.clear();
  parsed.set(pem, info);
  return info;
}

/** True when the certificate's signature verifies with the authority's key. Dates are not looked at. */
export function isIssuedBy(certificatePem: string, caPem: string): boolean {
  const question = `${certificatePem}\n${caPem}`;
  const known = issued.get(question);
  if (known !== undefined) return known;
  const certificate = new X509Certificate(certificatePem);
  const verifies = certificates(caPem).some((pem) => certificate.verify(new X509Certificate(pem).publicKey));
  if (issued.size >= parsedLimit) issued.clear();
  issued.set(question, verifies);
  return verifies;
}

/** Why a certificate is not good at a time under an authority (a PEM bundle); undefined when it is good. */
export function checkCertificate(certificatePem: string, caPem: string, nowMs: number): string | undefined {
  if (!isIssuedBy(certificatePem, caPem)) return 'certificate signed by unknown authority';
  const info = parseCertificate(certificatePem);
  if (nowMs < info.notBeforeMs) return `certificate is not valid before ${new Date(info.notBeforeMs).toISOString()}`;
  if (nowMs > info.notAfterMs) return `certificate has expired at ${new Date(info.notAfterMs).toISOString()}`;
  return undefined;
}

/** The certificates of a PEM bundle, each with its armour. */
export function certificates(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
}

/** PEM armour around DER, 64 columns. */
export function pemOf(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der).toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** The DER in the first PEM block. */
export function derOf(pem: string): Buffer {
  const match = /-----BEGIN [^-]+-----([\s\S]+?)-----END/.exec(pem);
  if (!match) throw new Error('not a PEM block');
  return Buffer.from(match[1]!.replace(/\s/g, ''), 'base64');
}

/** True when `signature` over `data` verifies; the hash follows the key as in `issueCertificate`. */
export function verifySignature(publicKeyPem: string, data: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey(publicKeyPem);
  return verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', data, key, signature);
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
