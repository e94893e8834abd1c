# Verifies every DKIM signature of the mail on stdin with dkimpy. argv[1]: JSON, DNS name to TXT record. Prints one word a signature.
import json
import sys

import dkim

records = json.loads(sys.argv[1])


def txt(name, timeout=5):
    name = name.decode() if isinstance(name, bytes) else name
    record = records.get(name.rstrip("."))
    return record.encode() if record else None


mail = sys.stdin.buffer.read()
count = sum(1 for line in mail.split(b"\r\n\r\n")[0].split(b"\r\n") if line.lower().startswith(b"dkim-signature:"))
for place in range(count):
    try:
        print("pass" if dkim.DKIM(mail, minkey=2048).verify(idx=place, dnsfunc=txt) else "fail")
    except dkim.DKIMException as error:
        print("fail", error)
