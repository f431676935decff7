# libxml2 with XML Schema, and xmlsec1, in one process, for the bench `schema`.
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
schema = etree.XMLSchema(etree.parse(task["schema"]))
EMPTY = b"<a/>"
small = etree.XMLSchema(fromstring(
    b"<s:schema xmlns:s='http://www.w3.org/2001/XMLSchema'><s:element name='a'/></s:schema>"))

text = fromstring(message).findtext(CERTIFICATE)
known = {text: xmlsec.Key.from_memory(task["certificate"], xmlsec.KeyFormat.CERT_PEM)}


def validate():
    schema(fromstring(message))


def accept():
    document = fromstring(message)
    schema(document)
    signature = find_node(document, "Signature", DSIG)
    context = Context()
    context.key = known[signature.findtext(CERTIFICATE)]
    context.verify(signature)


def python_validate():
    small(fromstring(EMPTY))


def python_accept():
    document = fromstring(EMPTY)
    small(document)
    find_node(document, "Signature", DSIG)
    Context()
    known[text]


if not schema(fromstring(message)) or schema(fromstring(altered)):
    sys.exit("libxml2 judges otherwise")
accept()
print("lxml with libxml2", etree.LIBXML_VERSION, flush=True)

for line in sys.stdin:
    times = []
    for call in (validate, accept, python_validate, python_accept):
        start = clock()
        for _ in range(int(line)):
            call()
        times.append(clock() - start)
    print(*times, flush=True)
