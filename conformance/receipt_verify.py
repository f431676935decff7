#!/usr/bin/env python3
"""Verifies an onepoint-receipt/1 file; written from gateway/proof/FORMATS.md alone.

usage: receipt_verify.py --log-key KEYFILE RECEIPT [--anchors PEM] [--message FILE] [--now MILLISECONDS]
Prints a finding a line; exit 0 only if all holds. Needs Python 3.9 and the package cryptography.
"""
import argparse, base64, datetime, hashlib, json, re, sys, time
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

MEMBERS = "format level origin fact nonce leaf index proof checkpoint chain".split()
COUNTER, TOLERANCE, LAST_TIME = "onepoint-countersignature/1", 300_000, 253402300799999
sha = lambda data: hashlib.sha256(data).digest()


class Fault(Exception):
    """A check failed; its text is the code."""


def need(condition, code):
    if not condition:
        raise Fault(code)


def b64(text, code, size=None):
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, TypeError):
        raise Fault(code)
    need(base64.b64encode(data).decode() == text and size in (None, len(data)), code)
    return data


def plain(text, most, code):
    need(re.fullmatch(r"0|[1-9][0-9]{0,19}", text or "") and int(text) <= most, code)
    return int(text)


def load(raw):
    def members(pairs):
        need(len(dict(pairs)) == len(pairs), "receipt-not-json")
        return dict(pairs)

    def whole(text):
        need(text != "-0" and len(text) < 18 and abs(int(text)) < 2**53, "receipt-not-json")
        return int(text)

    def refuse(_):
        raise Fault("receipt-not-json")

    def walk(value, depth):
        need(value is not None, "receipt-not-json")
        if isinstance(value, (dict, list)):
            need(depth > 0, "receipt-not-json")
            for item in value.values() if isinstance(value, dict) else value:
                walk(item, depth - 1)

    need(len(raw) <= 2**20, "receipt-too-large")
    try:
        value = json.loads(raw.decode(), object_pairs_hook=members, parse_int=whole, parse_float=refuse,
                           parse_constant=refuse)
        json.dumps(value, ensure_ascii=False).encode()  # no unpaired surrogates
    except (ValueError, RecursionError):
        raise Fault("receipt-not-json")
    walk(value, 17)
    need(isinstance(value, dict), "receipt-not-json")
    need(value.get("format") == "onepoint-receipt/1", "receipt-format-unsupported")
    return value


def name_ok(name):
    return (isinstance(name, str) and 0 < len(name.encode()) < 256 and "+" not in name
            and not any(c.isspace() or c < " " for c in name))


def fact_time(text):
    need(isinstance(text, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text, re.ASCII), "fact-time")
    try:
        moment = datetime.datetime.fromisoformat(text[:-1] + "+00:00")
    except ValueError:
        raise Fault("fact-time")
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    need(moment >= epoch and moment.isoformat(timespec="milliseconds")[:23] == text[:23], "fact-time")
    return (moment - epoch) // datetime.timedelta(milliseconds=1)


def read_fact(fact):
    def names(value):
        for name in value if isinstance(value, dict) else ():
            need(re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", name), "fact-value")
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            names(item)

    need(isinstance(fact, dict), "fact-not-json")
    need(type(fact.get("v")) is int and fact["v"] == 1, "fact-version")
    need(isinstance(fact.get("kind"), str) and re.fullmatch(r"[a-z-]{1,32}", fact["kind"]), "fact-kind")
    moment = fact_time(fact.get("time"))
    names(fact)
    data = json.dumps(fact, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    need(len(data) <= 65536, "fact-too-large")
    return fact["kind"], moment, data


def read_leaf(leaf):
    fields = leaf.split(" ") if isinstance(leaf, str) and len(leaf.encode()) <= 128 else []
    need(len(fields) == 4, "leaf-malformed")
    need(fields[0] == "onepoint-leaf/1", "leaf-format-unsupported")
    need(re.fullmatch(r"[a-z-]{1,32}", fields[1]), "leaf-kind-malformed")
    moment = plain(fields[2], LAST_TIME, "leaf-time-malformed")
    return fields[1], moment, b64(fields[3], "leaf-commitment-malformed", 32)


def read_index(index):
    need(type(index) is int and index >= 0, "index-malformed")
    return index


def read_list(value, most, sizes, code):
    need(isinstance(value, list) and len(value) <= most and all(isinstance(v, str) for v in value), code)
    items = [b64(v, code) for v in value]
    need(all(len(item) in sizes for item in items), code)
    return items


def read_checkpoint(note):
    note = note if isinstance(note, str) else ""
    need(len(note.encode()) <= 131072, "note-too-large")
    need(not any(c < " " and c != "\n" for c in note), "note-characters")
    text, gap, tail = note.rpartition("\n\n")
    need(gap and tail.endswith("\n"), "note-malformed")
    lines = []
    for number, line in enumerate(tail[:-1].split("\n")):
        need(number < 32, "note-too-many-signatures")
        parts = line[2:].split(" ", 1)
        need(line.startswith("\u2014 ") and len(parts) == 2 and name_ok(parts[0]), "note-signature-line")
        payload = b64(parts[1], "note-signature-line")
        need(len(payload) > 4, "note-signature-line")
        lines.append((parts[0], payload[:4], payload[4:]))
    rows = text.split("\n")
    need(len(rows) >= 3 and all(rows), "checkpoint-malformed")
    size = plain(rows[1], 2**64 - 1, "checkpoint-malformed")
    return rows[0], size, b64(rows[2], "checkpoint-malformed", 32), (text + "\n").encode(), lines


def inclusion(leaf, index, proof, size, root):
    need(index < size, "index-out-of-range")
    top, here, last, left = sha(b"\0" + leaf.encode()), index, size - 1, list(proof)
    while last > 0:
        if here % 2 or here < last:
            need(left, "proof-length-wrong")
            other = left.pop(0)
            top = sha(b"\1" + other + top) if here % 2 else sha(b"\1" + top + other)
        here, last = here // 2, last // 2
    need(not left, "proof-length-wrong")
    need(top == root, "root-mismatch")


def log_signature(keys, text, lines):
    seen = False
    for name, key_id, public in keys:
        for line in lines:
            if line[:2] == (name, key_id):
                seen = True
                try:
                    ed25519.Ed25519PublicKey.from_public_bytes(public).verify(line[2], text)
                except (InvalidSignature, ValueError):
                    raise Fault("signature-wrong")
    need(seen, "signature-missing")


def der(data, tag):
    """Takes one element: all of it, its content, and what follows."""
    need(len(data) > 1 and data[0] == tag, "certificate-malformed")
    size, start = data[1], 2
    if size >= 128:
        start = 2 + size - 128
        need(128 < size < 132 and len(data) >= start and data[2] > 0, "certificate-malformed")
        size = int.from_bytes(data[2:start], "big")
        need(size >= 128, "certificate-malformed")
    need(len(data) >= start + size, "certificate-malformed")
    return data[:start + size], data[start:start + size], data[start + size:]


def public_key_info(certificate):
    _, outer, rest = der(certificate, 0x30)
    need(not rest, "certificate-malformed")
    inner = der(outer, 0x30)[1]
    if inner[:1] == b"\xa0":
        inner = der(inner, 0xA0)[2]
    for tag in (0x02, 0x30, 0x30, 0x30, 0x30):
        inner = der(inner, tag)[2]
    return der(inner, 0x30)[0]


def countersignature(certificate, origin, text, lines):
    info = public_key_info(certificate)
    key_id = sha(origin.encode() + b"\n\xff" + COUNTER.encode() + b"\n" + info)[:4]
    mine = [payload for name, found, payload in lines if (name, found) == (origin, key_id)]
    need(mine, "countersignature-missing")
    times = []
    for payload in mine:
        moment, signature = int.from_bytes(payload[1:9], "big", signed=True), payload[9:]
        need(len(payload) > 9 and 0 <= moment <= LAST_TIME and len(signature) <= 1024, "countersignature-malformed")
        try:
            key = serialization.load_der_public_key(info)
        except Exception:
            raise Fault("certificate-key-unsupported")
        curve = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
        need(curve or isinstance(key, rsa.RSAPublicKey), "certificate-key-unsupported")
        need(payload[0] == (1 if curve else 2), "countersignature-algorithm")
        method = "ecdsa-p256-sha256" if curve else "rsa-pkcs1-sha256"
        digest = base64.b64encode(sha(certificate)).decode()
        signed = f"{COUNTER}\nalgorithm {method}\ncertificate {digest}\ntime {moment}\n".encode() + text
        try:
            if curve:
                need(len(signature) == 64, "countersignature-wrong")
                r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
                key.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
            else:
                need(2048 <= key.key_size <= 8192, "countersignature-wrong")
                key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise Fault("countersignature-wrong")
        times.append(moment)
    return times[0]


def extension(certificate, kind):
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def may(certificate, *usages):
    """Key usage, and the extended one, where they are there."""
    usage = extension(certificate, x509.KeyUsage)
    purposes = extension(certificate, x509.ExtendedKeyUsage)
    wanted = {Purpose.CLIENT_AUTH, Purpose.EMAIL_PROTECTION, x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),
              Purpose.ANY_EXTENDED_KEY_USAGE}
    return ((usage is None or any(getattr(usage, name) for name in usages))
            and (purposes is None or not wanted.isdisjoint(purposes)))


def seconds(certificate):
    return [int(t.timestamp()) for t in (certificate.not_valid_before_utc, certificate.not_valid_after_utc)]


def issued(certificate, issuer, anchor, moment, below):
    """Whether issuer, with so many issuers below it, stands for certificate at that moment."""
    basic = extension(issuer, x509.BasicConstraints)
    if basic is None or not basic.ca or (basic.path_length is not None and basic.path_length < below and not anchor):
        return False
    usage, key = extension(issuer, x509.KeyUsage), issuer.public_key()
    if usage is not None and not usage.key_cert_sign or not anchor and not may(issuer, "key_cert_sign"):
        return False
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < 2048:
        return False
    hashed = certificate.signature_hash_algorithm  # none for Ed25519
    if hashed is not None and hashed.name not in ("sha256", "sha384", "sha512"):
        return False
    first, last = seconds(issuer)
    if not first <= moment <= last:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def leads(certificate, others, anchors, moment, below=0):
    if any(issued(certificate, anchor, True, moment, below) for anchor in anchors):
        return True
    return below < 6 and any(
        issued(certificate, other, False, moment, below)
        and leads(other, [o for o in others if o is not other], anchors, moment, below + 1) for other in others)


def readable(item):
    """A certificate of which all that is asked later can be read, or None."""
    try:
        certificate = x509.load_der_x509_certificate(item)
        certificate.extensions, certificate.public_key(), certificate.signature_hash_algorithm, seconds(certificate)
        return certificate
    except Exception:
        return None


def certificate_chain(chain, anchors, time_ms):
    need(anchors is not None, "chain-not-checked")
    leaf = readable(chain[0])
    need(leaf, "certificate-unreadable")
    basic, time, (first, last) = extension(leaf, x509.BasicConstraints), time_ms // 1000, seconds(leaf)
    need(time >= first - TOLERANCE // 1000, "certificate-not-yet-valid")
    need(time <= last + TOLERANCE // 1000, "certificate-expired")
    need(not (basic and basic.ca) and may(leaf, "digital_signature", "content_commitment"), "certificate-usage")
    others = [other for other in map(readable, chain[1:]) if other]
    need(leads(leaf, others, anchors, min(max(time, first), last)), "certificate-untrusted")


def read_digest(fact):
    is_hex = lambda v: isinstance(v, str) and re.fullmatch(r"[0-9a-f]{64}", v)
    digest = fact.get("digest", {})
    need(is_hex(fact.get("content", "0" * 64)) and isinstance(digest, dict), "digest-malformed")
    need(is_hex(digest.get("sha256", "0" * 64)), "digest-malformed")
    return digest


def verify(raw, keys, message, now, anchors=None):
    findings = []

    def check(code, test, *inputs):
        """Runs a check unless an input could not be read; None when it failed."""
        if any(value is None for value in inputs):
            return None
        try:
            result = test(*inputs)
            findings.append((True, code))
            return True if result is None else result
        except Fault as fault:
            findings.append((False, str(fault)))
            return None

    receipt = check("format", load, raw)
    if receipt is None:
        return findings
    get = receipt.get
    check("fields", lambda: need(set(receipt) <= set(MEMBERS), "receipt-field-unknown"))
    check("level", lambda: need(get("level") == "signed", "level-unsupported"))
    origin = check("origin", lambda: (need(name_ok(get("origin")), "origin-malformed"), get("origin"))[1])
    fact = check("fact", lambda: read_fact(get("fact")))
    nonce = check("nonce", lambda: b64(get("nonce"), "nonce-malformed", 32))
    leaf = check("leaf", lambda: read_leaf(get("leaf")))
    index = check("index", lambda: read_index(get("index")))
    proof = check("proof", lambda: read_list(get("proof"), 128, (32,), "proof-malformed"))
    note = check("checkpoint", lambda: read_checkpoint(get("checkpoint")))
    chain = check("chain", lambda: read_list(get("chain"), 8, range(1, 16385), "chain-malformed"))
    check("leaf-kind", lambda f, l: need(f[0] == l[0], "leaf-kind-differs"), fact, leaf)
    check("leaf-time", lambda f, l: need(f[1] == l[1], "leaf-time-differs"), fact, leaf)
    check("commitment", lambda f, l, n: need(sha(n + f[2]) == l[2], "commitment-differs"), fact, leaf, nonce)
    check("checkpoint-origin", lambda o, n: need(n[0] == o, "checkpoint-of-another-log"), origin, note)
    check("inclusion", lambda l, i, p, n: inclusion(get("leaf"), i, p, n[1], n[2]), leaf, index, proof, note)
    mine = [key for key in keys if key[0] == origin]
    if check("log-key", lambda o: need(mine, "log-unknown"), origin):
        check("log-signature", lambda n: log_signature(mine, n[3], n[4]), note)
    signed = None
    if chain == [] and note:
        findings.append((True, "countersignature-none"))
    elif chain:
        signed = check("countersignature", lambda n: countersignature(chain[0], n[0], n[3], n[4]), note)

    def times(fact):
        need(fact[1] >= 1577836800000, "time-too-early")
        need(fact[1] <= now + TOLERANCE, "time-in-future")
        need(signed is None or fact[1] <= signed + TOLERANCE, "countersignature-too-early")

    def same(digest):
        need("sha256" in digest, "message-digest-missing")
        need(sha(message).hex() == digest["sha256"], "message-differs")

    check("time", times, fact)
    digest = check("digest", lambda f: read_digest(get("fact")), fact)
    if message is not None:
        check("message", same, digest)
    check("certificate", lambda t: certificate_chain(chain, anchors, t), signed)
    return findings


def read_key(line):
    name, key_id, key = line.split("+", 2)
    typed = b64(key, "key-malformed", 33)
    need(typed[0] == 1 and sha(name.encode() + b"\n" + typed)[:4].hex() == key_id, "key-id-wrong")
    return name, bytes.fromhex(key_id), typed[1:]


def main():
    options = argparse.ArgumentParser(description="verify an onepoint-receipt/1 file")
    options.add_argument("--log-key", required=True, help="file of verifier keys, one a line")
    options.add_argument("--anchors", help="PEM file of trusted CA certificates")
    options.add_argument("--message", help="the message as it was sent")
    options.add_argument("--now", type=int, default=int(time.time() * 1000), help="the present, Unix milliseconds")
    options.add_argument("receipt")
    given = options.parse_args()
    keys = [read_key(line) for line in open(given.log_key, encoding="utf-8").read().split()]
    message = open(given.message, "rb").read() if given.message else None
    anchors = x509.load_pem_x509_certificates(open(given.anchors, "rb").read()) if given.anchors else None
    findings = verify(open(given.receipt, "rb").read(), keys, message, given.now, anchors)
    for ok, code in findings:
        print("ok  " if ok else "BAD ", code)
    sys.exit(0 if all(ok for ok, _ in findings) else 1)


if __name__ == "__main__":
    main()
