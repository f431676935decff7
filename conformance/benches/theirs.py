# libxml2 and xmlsec1 in one process, for the bench `signature`, which says what is done.
import json
import sys
import time

try:
    import xmlsec
    from lxml import etree
except ImportError as missing:
    sys.exit(str(missing))

task = json.loads(sys.stdin.readline())
message, altered = task["message"].encode(), task["altered"].encode()
DSIG = "http://www.w3.org/2000/09/xmldsig#"
CERTIFICATE = ".//{%s}X509Certificate" % DSIG
fromstring, find_node = etree.fromstring, xmlsec.tree.find_node
Context, clock = xmlsec.SignatureContext, time.perf_counter_ns

# The keys of certificates whose chain was checked, by the text in KeyInfo.
text = fromstring(message).findtext(CERTIFICATE)
certified = {text: xmlsec.Key.from_memory(task["certificate"], xmlsec.KeyFormat.CERT_PEM)}
bare = {text: xmlsec.Key.from_memory(task["key"], xmlsec.KeyFormat.PEM)}


def verify(octets, known):
    signature = find_node(fromstring(octets), "Signature", DSIG)
    context = Context()
    context.key = known[signature.findtext(CERTIFICATE)]
    context.verify(signature)


EMPTY = b"<a/>"


def python(octets, known):
    find_node(fromstring(EMPTY), "Signature", DSIG)
    Context()
    known[text]


for known in (certified, bare):
    verify(message, known)
    try:
        verify(altered, known)
        sys.exit("an altered message was taken")
    except xmlsec.VerificationError:
        pass
print("xmlsec for Python", xmlsec.__version__, "with libxml2", etree.LIBXML_VERSION, flush=True)

for line in sys.stdin:
    times = []
    for call, known in ((verify, certified), (verify, bare), (python, certified)):
        start = clock()
        for _ in range(int(line)):
            call(message, known)
        times.append(clock() - start)
    print(*times, flush=True)
